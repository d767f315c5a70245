/** The key and certificate that are to sign, checked before any work is done for them. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type SignatureDocument, signedContent } from '../../image/signature-document.ts';
import { native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

export interface Signer {
  readonly subject: string;
  /** SHA-256 over the certificate, lower-case hex */
  readonly fingerprint: string;
  sign(rootHash: Uint8Array): SignatureDocument;
}

/** What PKCS#7 can sign with. */
const keyTypes = ['rsa', 'ec'];
const makeNew = 'make a pair: openssl req -x509 -newkey rsa:2048 -nodes -keyout my.key -out my.crt -subj "/CN=me"';

/** @throws {Failure} that names the file at fault */
export function readSigner(keyFile: string, certificateFile: string): Signer {
  const certificatePem = readText(certificateFile, 'certificate');
  const keyPem = readText(keyFile, 'key');
  const certificate = parse(certificateFile, 'a certificate (PEM)', () => new X509Certificate(certificatePem));
  const key: KeyObject = parse(keyFile, 'a private key (PEM) without a passphrase', () => createPrivateKey(keyPem));
  if (!keyTypes.includes(key.asymmetricKeyType ?? ''))
    throw unusable(`${keyFile}: a key of type ${key.asymmetricKeyType} can't sign images`, makeNew);
  if (!certificate.checkPrivateKey(key))
    throw unusable(`${keyFile} is not the key of ${certificateFile}`, 'pass the certificate that was made for this key');
  const fingerprint = createHash('sha256').update(certificate.raw).digest('hex');
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    fingerprint,
    sign: (rootHash) => ({
      rootHash,
      signature: native.pkcs7Sign(signedContent(rootHash), keyPem, certificatePem),
      certificateFingerprint: fingerprint,
    }),
  };
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Failure({ what: `the ${what} ${file} can't be read`, why, next: makeNew, exitCode: exitCodes.noInput });
  }
}

function parse<T>(file: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw unusable(`${file} is not ${what}`, makeNew, thrown instanceof Error ? thrown.message : undefined);
  }
}

function unusable(what: string, next: string, why?: string): Failure {
  return new Failure({ what, ...(why !== undefined && { why }), next, exitCode: exitCodes.usage });
}
