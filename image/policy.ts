/**
 * Image policies: which partitions an image may have, and how each must be protected. The grammar is that of systemd's
 * image-policy(7), so that clients' policies mean here what they mean there.
 */
import { PosternError } from '../mesh/errors.ts';
import { printable } from './bytes.ts';
import { type Designator, designators } from './partition-types.ts';

const uses = ['verity', 'signed', 'encrypted', 'encryptedwithintegrity', 'unprotected', 'unused', 'absent'] as const;
const readOnlyFlags = ['read-only-on', 'read-only-off'] as const;
const growFlags = ['growfs-off', 'growfs-on'] as const;
const fileSystemFlags = ['btrfs', 'erofs', 'ext4', 'f2fs', 'squashfs', 'vfat', 'xfs'] as const;
/** The kinds of flag. Of a kind that a rule doesn't mention, everything goes. */
const kinds = [uses, readOnlyFlags, growFlags, fileSystemFlags] as const;
export type PolicyFlag = (typeof kinds)[number][number];
/** How a partition is used. */
export type Use = (typeof uses)[number];

const shorthands: Readonly<Record<string, readonly Use[]>> = { open: uses, ignore: ['unused', 'absent'] };

type Flags = ReadonlySet<PolicyFlag>;

export interface ImagePolicy {
  readonly rules: ReadonlyMap<Designator, Flags>;
  /** for every designator without a rule */
  readonly fallback: Flags;
}

/** The longest policy: twice the longest that says something about every designator. */
const maxLength = 4096;

/** What images from anybody are held against, unless the operator says otherwise. */
export const untrustedPolicy = 'root=signed+absent:usr=signed+absent:=ignore';
/** The same for images that somebody stands for. */
export const trustedPolicy = '*';

/** @throws PosternError POLICY_INVALID, naming the piece */
export function parsePolicy(text: string): ImagePolicy {
  if (text.length > maxLength) throw invalid(`longer than ${maxLength} characters`);
  if (text === '' || text === '-') return { rules: new Map(), fallback: new Set(shorthands.ignore) };
  if (text === '*') return { rules: new Map(), fallback: new Set(uses) };
  if (text === '~') return { rules: new Map(), fallback: new Set(['absent'] as const) };
  const rules = new Map<Designator, Flags>();
  let fallback: Flags | undefined;
  for (const rule of text.split(':')) {
    const equals = rule.indexOf('=');
    if (equals < 0) throw invalid(`no "=" in "${printable(rule, 64)}"`);
    const name = rule.slice(0, equals).trim();
    const flags = parseFlags(rule.slice(equals + 1).trim());
    if (name === '') {
      if (fallback !== undefined) throw invalid('two default rules');
      fallback = flags;
      continue;
    }
    const designator = designators.find((known) => known === name);
    if (designator === undefined) throw invalid(`unknown partition "${printable(name, 64)}"`);
    if (rules.has(designator)) throw invalid(`two rules for "${designator}"`);
    rules.set(designator, flags);
  }
  return { rules, fallback: fallback ?? new Set(shorthands.ignore) };
}

function parseFlags(text: string): Flags {
  const flags = new Set<PolicyFlag>();
  if (text === '' || text === '-') return flags;
  for (const word of text.split('+')) {
    const name = word.trim();
    const flag = kinds.flat().find((known) => known === name);
    if (flag !== undefined) flags.add(flag);
    else if (Object.hasOwn(shorthands, name)) for (const use of shorthands[name] ?? []) flags.add(use);
    else throw invalid(`unknown flag "${printable(name, 64)}"`);
  }
  return flags;
}

/** The data designator that a hash tree or signature belongs to. */
function guarded(designator: Designator): Designator | undefined {
  const [data, verity] = designator.split('-');
  return verity === 'verity' ? designators.find((known) => known === data) : undefined;
}

/** What a policy allows for a designator, every kind of flag spelled out. */
function allowed(policy: ImagePolicy, designator: Designator): Flags {
  const rule = policy.rules.get(designator);
  if (rule !== undefined) return normalise(rule, designator);
  const data = guarded(designator);
  const dataRule = data && policy.rules.get(data);
  if (data === undefined || dataRule === undefined) return normalise(policy.fallback, designator);
  // A hash tree or signature without a rule follows from the protection that its data is to have.
  const flags = normalise(dataRule, data);
  const wanted = flags.has('signed') || (flags.has('verity') && !designator.endsWith('-sig'));
  if (!wanted) return normalise(policy.fallback, designator);
  const passed = [...flags].filter((flag) => !is(uses, flag) || flag === 'unused' || flag === 'absent');
  return normalise(new Set<PolicyFlag>(['unprotected', ...passed]), designator);
}

/** Fills in the kinds that are not mentioned, and takes out what makes no sense for a partition of this role. */
function normalise(flags: Flags, designator: Designator | undefined): Flags {
  const all = new Set(flags);
  for (const kind of kinds) if (!kind.some((flag) => flags.has(flag))) for (const flag of kind) all.add(flag);
  if (designator === undefined) return all;
  if (designator !== 'root' && designator !== 'usr') for (const use of ['verity', 'signed'] as const) all.delete(use);
  if (guarded(designator) !== undefined) for (const use of ['encrypted', 'encryptedwithintegrity'] as const) all.delete(use);
  if (uses.every((use) => all.has(use) === (use === 'absent'))) for (const flag of [...readOnlyFlags, ...growFlags]) all.delete(flag);
  return all;
}

function is(kind: readonly PolicyFlag[], flag: PolicyFlag): boolean {
  return kind.includes(flag);
}

/**
 * What both policies allow.
 * @throws PosternError POLICY_DENIED when they leave nothing for some partition, neither its presence nor its absence
 */
export function intersect(a: ImagePolicy, b: ImagePolicy): ImagePolicy {
  const fallback = both(normalise(a.fallback, undefined), normalise(b.fallback, undefined), 'other partitions');
  const rules = new Map<Designator, Flags>();
  for (const designator of designators) {
    if (!a.rules.has(designator) && !b.rules.has(designator)) continue;
    const flags = both(allowed(a, designator), allowed(b, designator), designator);
    if (!same(flags, normalise(fallback, designator))) rules.set(designator, flags);
  }
  return { rules, fallback };
}

function both(a: Flags, b: Flags, what: string): Flags {
  const flags = new Set([...a].filter((flag) => b.has(flag)));
  const onlyAbsent = uses.every((use) => flags.has(use) === (use === 'absent'));
  const empty = kinds.find(
    (kind) => !kind.some((flag) => flags.has(flag)) && !(onlyAbsent && (kind === readOnlyFlags || kind === growFlags)),
  );
  if (empty !== undefined)
    throw new PosternError('POLICY_DENIED', `what is asked for and what the operator allows exclude each other: ${what}`);
  return flags;
}

function same(a: Flags, b: Flags): boolean {
  return a.size === b.size && [...a].every((flag) => b.has(flag));
}

/** A policy in its shortest form, as systemd prints it for people. */
export function printPolicy(policy: ImagePolicy): string {
  for (const [text, flags] of [
    ['*', uses],
    ['-', shorthands.ignore],
    ['~', ['absent']],
  ] as const)
    if (flags !== undefined && equivalent(policy, new Set(flags))) return text;
  const fallback = normalise(policy.fallback, undefined);
  const parts: string[] = [];
  for (const designator of designators) {
    const rule = policy.rules.get(designator);
    if (rule !== undefined && !same(normalise(rule, designator), normalise(policy.fallback, designator)))
      parts.push(`${designator}=${printFlags(rule)}`);
  }
  if (!same(fallback, normalise(new Set(shorthands.ignore), undefined))) parts.push(`=${printFlags(policy.fallback)}`);
  return parts.length === 0 ? '-' : parts.join(':');
}

function equivalent(policy: ImagePolicy, flags: Flags): boolean {
  if (!same(normalise(policy.fallback, undefined), normalise(flags, undefined))) return false;
  return designators.every((designator) => same(allowed(policy, designator), normalise(flags, designator)));
}

function printFlags(flags: Flags): string {
  const used = uses.filter((use) => flags.has(use));
  const words: string[] = [];
  if (used.length === uses.length) words.push('open');
  else if (used.length === 2 && flags.has('unused') && flags.has('absent')) words.push('ignore');
  else words.push(...used);
  for (const kind of [readOnlyFlags, growFlags, fileSystemFlags]) {
    const named = kind.filter((flag) => flags.has(flag));
    if (named.length < kind.length) words.push(...named);
  }
  return words.length === 0 ? '-' : words.join('+');
}

/** Whether a policy lets a partition be used in that way. */
export function allowsUse(policy: ImagePolicy, designator: Designator, use: Use): boolean {
  return allowed(policy, designator).has(use);
}

/** A partition as a policy sees it. */
export interface PolicySubject {
  readonly use: Use;
  readonly readOnly: boolean;
  readonly growFileSystem: boolean;
  /** null where it is not one that policies can name, or not known */
  readonly fileSystem: string | null;
}

/**
 * Holds one partition against a policy: whether it may be used as it is, or has to stay unused.
 * @throws PosternError POLICY_DENIED when it may be neither
 */
export function applyPolicy(policy: ImagePolicy, designator: Designator, subject: PolicySubject): 'use' | 'leave' {
  const flags = allowed(policy, designator);
  if (subject.use === 'absent') {
    if (flags.has('absent')) return 'leave';
    throw denied(designator, 'it must not be absent');
  }
  if (!flags.has(subject.use)) {
    if (flags.has('unused')) return 'leave';
    throw denied(designator, `it is ${subject.use}, which is not allowed`);
  }
  if (!flags.has(subject.readOnly ? 'read-only-on' : 'read-only-off')) throw denied(designator, 'its read-only flag');
  if (!flags.has(subject.growFileSystem ? 'growfs-on' : 'growfs-off')) throw denied(designator, 'its growfs flag');
  const named = fileSystemFlags.find((flag) => flag === subject.fileSystem);
  if (named === undefined ? fileSystemFlags.some((flag) => !flags.has(flag)) : !flags.has(named))
    throw denied(designator, `a file system of type ${subject.fileSystem ?? 'unknown'}`);
  return 'use';
}

function denied(designator: Designator, why: string): PosternError {
  return new PosternError('POLICY_DENIED', `${designator}: ${why}`);
}

function invalid(detail: string): PosternError {
  return new PosternError('POLICY_INVALID', detail);
}
