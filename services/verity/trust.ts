/** Whom the operator trusts: the certificates of some folders, read again when anything in them changes. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type Certificate, loadCertificates } from '../../image/certificates.ts';
import { judgeSignature, type Signed, type VerifySignature } from '../../image/judge.ts';
import type { Clock } from '../../mesh/clock.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Logger } from '../../mesh/log.ts';
import { listFolder, readWhole, statOrNull } from '../../native/files.ts';
import { LeastRecentlyUsed } from './lru.ts';

/** A certificate that is taken away counts no longer than this. */
const recheckMilliseconds = 1000;
/** Signatures whose judgement is remembered. Refusals too: each is a PKCS#7 verification otherwise. */
const rememberedVerdicts = 1024;

type Verdict = { readonly certificate: Certificate } | { readonly refusal: PosternError };

export interface TrustOptions {
  readonly folders: readonly string[];
  readonly verify: VerifySignature;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Trust {
  readonly #options: TrustOptions;
  readonly #verdicts = new LeastRecentlyUsed<string, Verdict>(rememberedVerdicts);
  #certificates: readonly Certificate[] = [];
  #refused = 0;
  #fingerprint: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(options: TrustOptions) {
    this.#options = options;
  }

  /**
   * The certificate that made a signature, by what the folders hold now (a second ago at most).
   * @throws PosternError SIGNATURE_INVALID, SIGNER_UNKNOWN
   */
  async judge(signed: Signed): Promise<Certificate> {
    if (this.#options.clock.now() - this.#checkedAt >= recheckMilliseconds) await this.refresh();
    // Digests, since strangers may send signatures of 64 KiB.
    const key = [signed.content, signed.signature].map((bytes) => createHash('sha256').update(bytes).digest('base64')).join(' ');
    const verdict = this.#verdicts.get(key) ?? this.#verdict(signed);
    this.#verdicts.set(key, verdict);
    if ('refusal' in verdict) throw verdict.refusal;
    return verdict.certificate;
  }

  /** Looks at the folders, and reads them where something changed. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  status(): Record<string, unknown> {
    return {
      folders: [...this.#options.folders],
      certificates: this.#certificates.map(({ subject, fingerprint, path }) => ({ subject, fingerprint, path })),
      refusedFiles: this.#refused,
    };
  }

  #verdict(signed: Signed): Verdict {
    try {
      return { certificate: judgeSignature(signed, this.#certificates, this.#options.verify) };
    } catch (thrown) {
      if (thrown instanceof PosternError) return { refusal: thrown };
      throw thrown;
    }
  }

  async #refresh(): Promise<void> {
    const { folders, clock, log } = this.#options;
    const fingerprint = JSON.stringify(await Promise.all(folders.map(describeFolder)));
    this.#checkedAt = clock.now();
    if (fingerprint === this.#fingerprint) return;
    const { certificates, refused } = await loadCertificates(folders, listFolder, readWhole);
    this.#fingerprint = fingerprint;
    this.#certificates = certificates;
    this.#refused = refused.length;
    this.#verdicts.clear();
    for (const { path, reason } of refused) log.warn({ path, reason }, 'not a certificate');
    log.info({ certificates: certificates.map(({ fingerprint }) => fingerprint) }, 'trusted certificates read');
  }
}

/** What changes when a certificate comes, goes or is written anew. */
async function describeFolder(folder: string): Promise<unknown> {
  const names = (await listFolder(folder)).filter((name) => name.endsWith('.crt')).toSorted();
  return Promise.all(names.map(async (name) => [name, describe(await statOrNull(`${folder}/${name}`))]));
}

function describe(stats: Stats | null): unknown {
  return stats && [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs];
}
