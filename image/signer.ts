/**
 * Who a PKCS#7 says made it. Proves nothing: it only tells "signed by somebody who is not trusted" from "signed by a trusted
 * one, but the signature doesn't fit", and puts a name into the message.
 */
import { equalBytes, printable, toHex } from './bytes.ts';
import { type Element, isObject, readElements, readInside, tags } from './der.ts';

/** How a signature names its certificate: by who issued it and under which number, in DER. */
export interface SignerName {
  readonly issuer: Uint8Array;
  readonly serial: Uint8Array;
}

/** 1.2.840.113549.1.7.2 */
const signedData = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/** 2.5.4.3 */
const commonName = [0x55, 0x04, 0x03];
/** Signers that are looked at; image tools make one. */
const maxSigners = 8;

/** The signers that a PKCS#7 (RFC 2315, RFC 5652) names; undefined when it is not one. */
export function signersOf(signature: Uint8Array): SignerName[] | undefined {
  const [type, wrapped] = readInside(signature, tags.sequence) ?? [];
  if (!isObject(type, signedData) || wrapped?.tag !== tags.context0) return undefined;
  const fields = readInside(wrapped.content, tags.sequence);
  const infos = fields?.at(-1);
  if (infos?.tag !== tags.set) return undefined;
  return readElements(infos.content)?.slice(0, maxSigners).flatMap(signerOf);
}

function signerOf(info: Element): SignerName[] {
  const [, name] = readElements(info.content) ?? [];
  const [issuer, serial] = name?.tag === tags.sequence ? (readElements(name.content) ?? []) : [];
  return issuer && serial?.tag === tags.integer ? [{ issuer: issuer.whole, serial: serial.content }] : [];
}

/** The name under which signatures refer to a certificate (DER, RFC 5280); undefined when it can't be read. */
export function nameOfCertificate(certificate: Uint8Array): SignerName | undefined {
  const [body] = readInside(certificate, tags.sequence) ?? [];
  const fields = body?.tag === tags.sequence ? (readElements(body.content) ?? []) : [];
  const [serial, , issuer] = fields[0]?.tag === tags.context0 ? fields.slice(1) : fields;
  return serial?.tag === tags.integer && issuer?.tag === tags.sequence ? { issuer: issuer.whole, serial: serial.content } : undefined;
}

export function sameSigner(a: SignerName, b: SignerName): boolean {
  return equalBytes(a.issuer, b.issuer) && equalBytes(a.serial, b.serial);
}

/** For people: the issuer's common name where it has one, and the certificate's number. */
export function describeSigner(signer: SignerName): string {
  const number = toHex(signer.serial.subarray(0, 20));
  const name = commonNameOf(signer.issuer);
  return name === undefined ? `certificate ${number}` : `"${name}", certificate ${number}`;
}

function commonNameOf(issuer: Uint8Array): string | undefined {
  for (const set of readInside(issuer, tags.sequence) ?? [])
    for (const attribute of readElements(set.content) ?? []) {
      const [type, value] = readElements(attribute.content) ?? [];
      if (isObject(type, commonName) && value) return printable(new TextDecoder().decode(value.content), 64);
    }
  return undefined;
}
