/** The certificates that an operator trusts: PEM files, each checked before it counts. */
import { X509Certificate } from 'node:crypto';
import { nameOfCertificate, type SignerName } from './signer.ts';

/** Where certificates for images lie, in the order in which they are looked through; the same places that systemd has. */
export const systemTrustFolders = ['/etc/verity.d', '/run/verity.d', '/usr/local/lib/verity.d', '/usr/lib/verity.d'] as const;

/** The largest certificate file that is read. */
export const maxCertificateBytes = 64 * 1024;
/** Files of a folder that are looked at: more is a mistake, and each costs time at every new signature. */
export const maxCertificatesPerFolder = 256;

export interface Certificate {
  readonly pem: string;
  /** SHA-256 over the DER, lower-case hex */
  readonly fingerprint: string;
  readonly subject: string;
  readonly name: SignerName;
  /** the file that it was in */
  readonly path: string;
}

/** Reads one file's bytes; rejects where it can't. */
export type ReadFile = (path: string, maxBytes: number) => Promise<Uint8Array>;
/** The names in a folder; an empty list where there is none. */
export type ListFolder = (path: string) => Promise<readonly string[]>;

export interface FoundCertificates {
  readonly certificates: readonly Certificate[];
  /** files that look like certificates and are none */
  readonly refused: readonly { readonly path: string; readonly reason: string }[];
}

/** Reads every `*.crt` directly in the folders. A file that is not a certificate is reported and never stops the others. */
export async function loadCertificates(folders: readonly string[], list: ListFolder, read: ReadFile): Promise<FoundCertificates> {
  const certificates: Certificate[] = [];
  const refused: { path: string; reason: string }[] = [];
  for (const folder of folders) {
    const names = (await list(folder)).filter((name) => name.endsWith('.crt')).toSorted();
    for (const name of names.slice(0, maxCertificatesPerFolder)) {
      const path = `${folder}/${name}`;
      try {
        const certificate = parseCertificate(await read(path, maxCertificateBytes), path);
        if (!certificates.some((known) => known.fingerprint === certificate.fingerprint)) certificates.push(certificate);
      } catch (thrown) {
        refused.push({ path, reason: thrown instanceof Error ? thrown.message : 'unknown' });
      }
    }
    for (const name of names.slice(maxCertificatesPerFolder)) refused.push({ path: `${folder}/${name}`, reason: 'too many certificates' });
  }
  return { certificates, refused };
}

/** The first certificate of a PEM file, as other image tools take it. Throws an Error that says why it is none. */
export function parseCertificate(bytes: Uint8Array, path: string): Certificate {
  const text = Buffer.from(bytes).toString('latin1');
  const [pem] = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? [];
  if (pem === undefined) throw new Error('no PEM certificate in it');
  const certificate = new X509Certificate(pem);
  const name = nameOfCertificate(certificate.raw);
  if (name === undefined) throw new Error('its issuer and number can not be read');
  return {
    pem: `${pem}\n`,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: certificate.subject.replaceAll('\n', ', '),
    name,
    path,
  };
}
