/** Shows what an image is, and says whether it would be let in, with the reason. */
import { basename } from 'node:path';
import { toHex } from '../../image/bytes.ts';
import { type PartitionTable, readPartitionTable } from '../../image/gpt.ts';
import { type Image, type ImageFileSystem, readImage } from '../../image/image.ts';
import { isLuks } from '../../image/luks/header.ts';
import { type Architecture, architectureOf, roleOf } from '../../image/partition-types.ts';
import { type Reader, section } from '../../image/reader.ts';
import { describeSigner, signersOf } from '../../image/signer.ts';
import { detectFileSystem } from '../../image/superblock.ts';
import { PosternError } from '../../mesh/errors.ts';
import { Failure, failureOf } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { answerInJson, json, Progress, paint, say, size, table } from '../output.ts';
import { openSubject, type Subject } from './subject.ts';
import { judge, type KnownSigner } from './verdict.ts';

export interface InspectOptions {
  readonly trust?: string[];
  readonly imagePolicy?: string;
  readonly json?: boolean;
}

/** One line of what is shown. */
interface PartitionFacts {
  readonly number: number | null;
  readonly role: string;
  readonly architecture: string | null;
  readonly fileSystem: string | null;
  readonly size: number;
  readonly offset: number;
  readonly label: string | null;
  readonly uuid: string | null;
}

type Verdict =
  | { readonly accepted: true; readonly signers: readonly KnownSigner[] }
  | { readonly accepted: false; readonly code: string; readonly why: string; readonly next: string; readonly exitCode: ExitCode };

/** What could be found out, up to where the image stopped making sense. */
interface Findings {
  table?: PartitionTable | undefined;
  partitions: PartitionFacts[];
  image?: Image;
}

export async function inspect(file: string, options: InspectOptions): Promise<void> {
  answerInJson(options.json);
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Failure({ what: `no partition type is known for ${process.arch}`, exitCode: exitCodes.unavailable });
  await using subject = await openSubject(file);
  const findings: Findings = { partitions: [] };
  const progress = new Progress();
  const verdict = await decide(subject, architecture, options, findings, progress).finally(() => progress.end());
  if (options.json) json(asJson(file, subject, findings, verdict));
  else show(file, subject, findings, verdict);
  if (!verdict.accepted) process.exitCode = verdict.exitCode;
}

async function decide(
  subject: Subject,
  architecture: Architecture,
  options: InspectOptions,
  findings: Findings,
  progress: Progress,
): Promise<Verdict> {
  try {
    findings.table = await readPartitionTable(subject.reader);
    findings.partitions = await describePartitions(subject, findings.table);
    findings.image = await readImage(subject.reader, architecture);
    return { accepted: true, signers: await judge(subject, findings.image, options.imagePolicy, options.trust ?? [], progress) };
  } catch (thrown) {
    if (!(thrown instanceof PosternError)) throw thrown;
    const { exitCode } = failureOf(thrown, '').complaint;
    return { accepted: false, code: thrown.code, why: thrown.message, next: thrown.next, exitCode };
  }
}

/** What is encrypted does not tell more. */
async function volumeType(content: Reader): Promise<'luks' | null> {
  return (await isLuks(content)) ? 'luks' : null;
}

async function describePartitions(subject: Subject, found: PartitionTable | undefined): Promise<PartitionFacts[]> {
  if (found === undefined) {
    const superblock = await detectFileSystem(subject.reader);
    const facts = { number: null, architecture: null, size: subject.reader.size, offset: 0, label: superblock?.label ?? null };
    const type = superblock?.type ?? (await volumeType(subject.reader));
    return type === null ? [] : [{ ...facts, role: 'root', fileSystem: type, uuid: superblock?.uuid ?? null }];
  }
  return Promise.all(
    found.partitions.map(async ({ number, type, uuid, label, offset, size: bytes }) => {
      const role = roleOf(type);
      const content = section(subject.reader, offset, bytes);
      const superblock = await detectFileSystem(content);
      return {
        number,
        role: role?.designator ?? type,
        architecture: role?.architecture ?? null,
        fileSystem: superblock?.type ?? (await volumeType(content)),
        size: bytes,
        offset,
        label,
        uuid,
      };
    }),
  );
}

/** The signers that a signature names, whether anybody trusts them or not. */
function namedSigners({ document }: ImageFileSystem): string {
  if (document === undefined) return 'nobody';
  const names = signersOf(document.signature)?.map(describeSigner).join(' and ');
  const fingerprint = document.certificateFingerprint === undefined ? '' : `, SHA-256 ${document.certificateFingerprint}`;
  return `${names ?? 'unreadable'}${fingerprint}`;
}

function protection({ verity, document }: ImageFileSystem) {
  return {
    rootHash: document === undefined ? null : toHex(document.rootHash),
    algorithm: verity?.superblock.algorithm ?? null,
    dataBlocks: verity?.superblock.dataBlocks ?? null,
    dataBlockSize: verity?.superblock.dataBlockSize ?? null,
  };
}

function asJson(file: string, subject: Subject, { table: found, partitions, image }: Findings, verdict: Verdict): unknown {
  const answer = verdict.accepted ? verdict : { accepted: false, code: verdict.code, why: verdict.why, next: verdict.next };
  return {
    image: file,
    size: subject.reader.size,
    sectorSize: found?.sectorSize ?? null,
    uuid: found?.uuid ?? null,
    tableSource: found?.source ?? null,
    partitions,
    fileSystems: (image?.fileSystems ?? []).map((fileSystem) => ({
      designator: fileSystem.designator,
      ...protection(fileSystem),
      signer: namedSigners(fileSystem),
    })),
    verdict: answer,
  };
}

function show(file: string, subject: Subject, { table: found, partitions, image }: Findings, verdict: Verdict): void {
  const kind =
    found === undefined ? '' : `, partition table ${found.uuid}${found.source === 'backup' ? ' (the backup: the primary is broken)' : ''}`;
  say(`${paint.bold(basename(file))}  ${size(subject.reader.size)}${kind}`);
  if (partitions.length > 0) {
    const head = ['', 'ROLE', 'FOR', 'HOLDS', 'SIZE', 'NAME'].map(paint.dim);
    const rows = partitions.map((each) => [
      `${each.number ?? ''}`,
      each.role,
      each.architecture ?? '',
      each.fileSystem ?? '',
      size(each.size),
      printableLabel(each.label),
    ]);
    say(table([head, ...rows], '  '));
  }
  for (const fileSystem of image?.fileSystems ?? []) {
    const { rootHash, algorithm, dataBlocks } = protection(fileSystem);
    say('');
    say(
      table(
        [
          ['root hash', rootHash ?? paint.yellow('none is signed')],
          ['hash tree', algorithm === null ? paint.yellow('none') : `${algorithm}, ${dataBlocks} blocks`],
          ['signed by', namedSigners(fileSystem)],
        ],
        `  ${fileSystem.designator}  `,
      ),
    );
  }
  say('');
  if (verdict.accepted) {
    const by = verdict.signers.map(({ subject: name, path }) => `${name} (${path})`).join(', ');
    say(`${paint.green('accepted')}  every byte is as it was signed; trusted: ${by}`);
  } else {
    say(`${paint.red('refused')}  ${verdict.code}: ${verdict.why}`);
    say(`  ${paint.dim('next')}   ${verdict.next}`);
  }
}

/** A name that a stranger chose must not move the cursor about. */
function printableLabel(label: string | null): string {
  return (label ?? '').replace(/\p{C}/gu, '?');
}
