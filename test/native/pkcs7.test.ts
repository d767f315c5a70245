/** Detached signatures: exactly one signer, known by its certificate, over exactly this content. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native, outcome, scratch } from './parts/native.ts';

const content = new TextEncoder().encode('d2f0a1'.repeat(10));
const folder = scratch();
const at = (name: string) => join(folder.path, name);
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });

interface Signer {
  readonly key: string;
  readonly certificate: string;
}

function makeSigner(name: string, ...kind: string[]): Signer {
  const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)];
  openssl('req', '-x509', '-newkey', ...kind, '-noenc', '-days', '2', '-subj', `/CN=${name}`, ...files);
  return { key: readFileSync(at(`${name}.key`), 'utf8'), certificate: readFileSync(at(`${name}.crt`), 'utf8') };
}

/** What `openssl smime -sign` makes of the content with the named signers. */
function smime(names: readonly string[], ...options: string[]): Uint8Array {
  writeFileSync(at('content'), content);
  const signers = names.flatMap((name) => ['-signer', at(`${name}.crt`), '-inkey', at(`${name}.key`)]);
  return openssl('smime', '-sign', '-binary', '-outform', 'DER', '-in', at('content'), ...signers, ...options);
}

let rsa: Signer;
let curve: Signer;
let other: Signer;
let signature: Uint8Array;

beforeAll(() => {
  rsa = makeSigner('rsa', 'rsa:2048');
  curve = makeSigner('curve', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
  other = makeSigner('other', 'rsa:2048');
  signature = native.pkcs7Sign(content, rsa.key, rsa.certificate);
});
afterAll(() => folder[Symbol.dispose]());

describe('a signature', () => {
  it('is that of the certificate that made it, wherever that is in the list', () => {
    expect(native.pkcs7Verify(signature, content, [rsa.certificate])).toBe(0);
    expect(native.pkcs7Verify(signature, content, [other.certificate, 'not a certificate', curve.certificate, rsa.certificate])).toBe(3);
  });

  it('is nobody’s without its certificate', () => {
    expect(native.pkcs7Verify(signature, content, [])).toBe(-1);
    expect(native.pkcs7Verify(signature, content, [other.certificate, curve.certificate])).toBe(-1);
  });

  it('of an elliptic curve is taken too', () => {
    const made = native.pkcs7Sign(content, curve.key, curve.certificate);
    expect(native.pkcs7Verify(made, content, [rsa.certificate, curve.certificate])).toBe(1);
  });

  it('made by another tool is taken, with attributes, with its certificate inside, or without either', () => {
    for (const options of [[], ['-noattr'], ['-nocerts'], ['-noattr', '-nocerts']]) {
      expect(native.pkcs7Verify(smime(['rsa'], ...options), content, [rsa.certificate])).toBe(0);
    }
  });

  it('does not bring its own trust: a certificate inside counts for nothing', () => {
    expect(native.pkcs7Verify(smime(['rsa']), content, [other.certificate])).toBe(-1);
  });

  it('is not that of another key under the same name', () => {
    const impostor = makeSigner('rsa', 'rsa:2048');
    expect(native.pkcs7Verify(native.pkcs7Sign(content, impostor.key, impostor.certificate), content, [rsa.certificate])).toBe(-1);
  });

  it('of other content is refused', () => {
    expect(native.pkcs7Verify(signature, content.subarray(1), [rsa.certificate])).toBe(-1);
    expect(native.pkcs7Verify(signature, new Uint8Array(0), [rsa.certificate])).toBe(-1);
  });

  it('followed or cut by a single byte is refused', () => {
    expect(native.pkcs7Verify(new Uint8Array([...signature, 0]), content, [rsa.certificate])).toBe(-1);
    expect(native.pkcs7Verify(signature.subarray(0, -1), content, [rsa.certificate])).toBe(-1);
    expect(native.pkcs7Verify(new Uint8Array(0), content, [rsa.certificate])).toBe(-1);
  });

  it('by two signers, around its content, or over SHA-1 is refused', () => {
    expect(native.pkcs7Verify(smime(['rsa', 'other']), content, [rsa.certificate])).toBe(-1);
    expect(native.pkcs7Verify(smime(['rsa'], '-nodetach'), content, [rsa.certificate])).toBe(-1);
    expect(native.pkcs7Verify(smime(['rsa'], '-md', 'sha1'), content, [rsa.certificate])).toBe(-1);
  });

  it('larger than any sound one is refused', () => {
    expect(native.pkcs7Verify(new Uint8Array((64 << 10) + 1), content, [rsa.certificate])).toBe(-1);
  });

  it('with any byte changed is refused, or means the same', () => {
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = signature.slice();
        changed[place] = (changed[place] ?? 0) ^ change;
        const verdict = native.pkcs7Verify(changed, content, [rsa.certificate]);
        // A few bytes are not covered by a signature without attributes: versions, and NULL parameters of algorithms.
        return verdict === -1 || native.pkcs7Verify(changed, content.subarray(1), [rsa.certificate]) === -1;
      }),
      { numRuns: 500 },
    );
  });

  it('of hostile bytes is refused without a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => native.pkcs7Verify(bytes, content, [rsa.certificate]) === -1),
      { numRuns: 500 },
    );
  });
});

describe('signing', () => {
  it('with a key that can’t be read, or is another’s, says so', () => {
    expect(outcome(() => native.pkcs7Sign(content, 'nonsense', rsa.certificate))).toBe('ERR_OSSL');
    expect(outcome(() => native.pkcs7Sign(content, rsa.key, 'nonsense'))).toBe('ERR_OSSL');
    expect(outcome(() => native.pkcs7Sign(content, other.key, rsa.certificate))).toBe('ERR_OSSL');
  });

  it('with a key that needs a pass phrase fails, and asks nobody', () => {
    openssl('rsa', '-in', at('other.key'), '-aes128', '-passout', 'pass:secret', '-out', at('locked.key'));
    expect(outcome(() => native.pkcs7Sign(content, readFileSync(at('locked.key'), 'utf8'), other.certificate))).toBe('ERR_OSSL');
  });

  it('is read by another tool', () => {
    writeFileSync(at('signature'), signature);
    writeFileSync(at('content'), content);
    writeFileSync(at('certificate'), rsa.certificate);
    expect(() =>
      openssl(
        'smime',
        '-verify',
        '-inform',
        'DER',
        '-binary',
        '-in',
        at('signature'),
        '-content',
        at('content'),
        '-certfile',
        at('certificate'),
        '-noverify',
      ),
    ).not.toThrow();
  });
});
