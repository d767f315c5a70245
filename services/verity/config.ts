/** What an operator may set about images, their signers and the store of verified copies. */
import * as v from 'valibot';
import { systemTrustFolders } from '../../image/certificates.ts';
import { parsePolicy, trustedPolicy, untrustedPolicy } from '../../image/policy.ts';
import { PosternError } from '../../mesh/errors.ts';

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Bytes, as a number or as text such as `10G`. */
const size = v.pipe(
  v.union([
    v.number(),
    v.pipe(
      v.string(),
      v.regex(/^\d{1,12}[KMGT]?$/, 'a number of bytes, or with K, M, G or T'),
      v.transform((text) => Number.parseInt(text, 10) * (units[text.replace(/\d+/, '')] ?? 1)),
    ),
  ]),
  v.safeInteger(),
  v.minValue(1),
);

const folder = v.pipe(v.string(), v.startsWith('/'), v.maxLength(4095));

/** An image policy, in the grammar of docs/images.md. */
const policy = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    try {
      parsePolicy(dataset.value);
    } catch (thrown) {
      if (!(thrown instanceof PosternError)) throw thrown;
      addIssue({ message: thrown.message });
    }
  }),
);

/** Where the service sees the store's folder; see privileges.ts. */
export const storeFolder = '/store';

export const configSchema = v.strictObject({
  store: v.optional(
    v.strictObject({
      folder: v.optional(folder, storeFolder),
      /** all copies together; default: 10 GiB, or a quarter of the disk where that is less */
      max_size: v.optional(size),
      /** the data of one image; default: all of the store */
      max_image_size: v.optional(size),
      /** copies; each costs about 2 kB of memory here */
      max_images: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65536)), 4096),
    }),
    {},
  ),
  /** folders of `*.crt` whose makers are trusted, besides the system's own */
  trust: v.optional(v.array(folder), []),
  /** the system's own folders of certificates */
  system_trust: v.optional(v.array(folder), [...systemTrustFolders]),
  /** who may vouch for a signed image: the kernel's keyrings (where it has dm-verity), the certificates, or either */
  signers: v.optional(v.picklist(['kernel', 'certificates', 'either']), 'either'),
  /** what images are held against, before a caller's own policy: those that nobody stands for, and those that somebody does */
  policies: v.optional(v.strictObject({ untrusted: v.optional(policy, untrustedPolicy), trusted: v.optional(policy, trustedPolicy) }), {}),
  /** the ways to be trusted that are switched on */
  routes: v.optional(
    v.strictObject({
      signed: v.optional(v.boolean(), true),
      sealed: v.optional(v.boolean(), true),
      /** root's own files directly in one of these are trusted for where they lie; none is the default */
      trusted_directories: v.optional(v.array(folder), []),
    }),
    {},
  ),
});
export type VerityConfig = v.InferOutput<typeof configSchema>;
