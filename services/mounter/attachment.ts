/** Carries one attachment through its life. Holds what the machine may not, descriptors and reservations, and lets go at every end. */
import { fstatSync } from 'node:fs';
import { createActor } from 'xstate';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { identityOf, isAtRest } from '../../native/files.ts';
import type { Addon } from '../../native/index.ts';
import { type FileKey, fileKey, type LoopDevices, type Reservation } from './devices.ts';
import type { DirectoryJob, Growth, JobOutcome, JobPartition, JobSource, MadeMount, MountJob, SignerJob } from './job.ts';
import type { KeptDevices } from './kept-devices.ts';
import { attachmentMachine } from './machine.ts';
import type { Preparation } from './plan.ts';
import { type CryptSource, cryptDeviceName } from './sources/crypt-table.ts';
import type { DirectFiles } from './sources/file.ts';
import { type LoopRange, wholeFile } from './sources/loop.ts';
import { devicePrefix, holdMapped } from './sources/mapped-device.ts';
import { verityDevice } from './sources/verity-device.ts';
import { type VeritySource, verityDeviceName } from './sources/verity-table.ts';

/** What every attachment of this process shares. */
export interface Workshop {
  readonly kernel: Pick<Addon, 'describe' | 'dmStatus'>;
  readonly devices: LoopDevices;
  readonly kept: KeptDevices;
  readonly direct: DirectFiles;
  readonly run: (job: MountJob) => Promise<JobOutcome>;
  readonly runDirectory: (job: DirectoryJob) => Promise<JobOutcome>;
  readonly runSigner: (job: SignerJob) => Promise<JobOutcome>;
  /** hears of an event that the machine did not wait for */
  readonly unexpected: (type: string) => void;
}

/** One request's work. The descriptors in it are borrowed: they stay open until the work is done, and the caller closes them. */
export interface Work {
  /** milliseconds of CLOCK_MONOTONIC */
  readonly deadline: number;
  readonly namespace: Descriptor | null;
  readonly partitions: readonly Preparation[];
  readonly sources: readonly Descriptor[];
}

/** What was made of a partition. */
export interface Attached {
  readonly mount: Descriptor;
  readonly growth: Growth;
}

/** Mounts every partition, in order. The caller owns the mounts. @throws PosternError, with nothing left open */
export function attach(work: Work, workshop: Workshop): Promise<Attached[]> {
  return new Promise((resolve, reject) => new Attachment(work, workshop, resolve, reject).start());
}

/** How a file becomes a source. A loop device without a key is this mount's alone; device mapper's find each other by name. */
type Way =
  | { readonly kind: 'file' | 'verity-device' | 'crypt-device' }
  | { readonly kind: 'loop'; readonly range: LoopRange; readonly key: FileKey | null };

function isOn(way: Way | undefined, key: FileKey): boolean {
  return way?.kind === 'loop' && way.key === key;
}

class Attachment {
  readonly #work: Work;
  readonly #workshop: Workshop;
  readonly #done: (mounts: Attached[]) => void;
  readonly #failed: (error: unknown) => void;
  readonly #life;
  #ways: Way[] = [];
  readonly #reservations = new Map<FileKey, Reservation>();

  constructor(work: Work, workshop: Workshop, done: (mounts: Attached[]) => void, failed: (error: unknown) => void) {
    this.#work = work;
    this.#workshop = workshop;
    this.#done = done;
    this.#failed = failed;
    this.#life = createActor(attachmentMachine, {
      input: {
        settle: () => void this.#settle().catch((error) => this.#refuse(error)),
        mount: () => void this.#mount().catch((error) => this.#refuse(error)),
        unexpected: workshop.unexpected,
      },
    });
  }

  start(): void {
    this.#life.start();
  }

  /** Reserves a device for each file that needs one, in the order of their keys: so two attachments never wait for each other. */
  async #settle(): Promise<void> {
    this.#letGo();
    this.#ways = this.#work.partitions.map((partition) => this.#way(partition));
    const keys = new Set(this.#ways.flatMap((way) => (way.kind === 'loop' && way.key !== null ? [way.key] : [])));
    for (const key of [...keys].sort()) {
      const partitions = this.#work.partitions.filter((_, index) => isOn(this.#ways[index], key));
      const writable = partitions.some((partition) => partition.writable);
      const wish = { writable, version: this.#version(partitions[0]), deadline: this.#work.deadline };
      this.#reservations.set(key, await this.#workshop.devices.reserve(key, wish));
    }
    this.#life.send({ type: 'SETTLED' });
  }

  async #mount(): Promise<void> {
    const { deadline, namespace } = this.#work;
    const partitions = this.#work.partitions.map(({ designator, name, writable, growTo, attributes, options }, index) => ({
      designator,
      fileSystem: name,
      writable,
      growTo,
      attributes,
      options,
      source: this.#source(index),
    }));
    const outcome = await this.#workshop.run({ deadline, namespace: namespace?.fd ?? null, partitions });
    if (outcome.kind === 'mounted') this.#finish(outcome.mounts, partitions);
    else if (outcome.kind === 'device-needed') this.#learn(outcome.partition);
    else this.#refuse(new PosternError(outcome.code, outcome.detail));
  }

  #finish(made: readonly MadeMount[], partitions: readonly JobPartition[]): void {
    const mounts = made.map(({ fd, growth }) => ({ mount: new Descriptor(fd), growth }));
    for (const [index, { device }] of made.entries()) {
      const way = this.#ways[index];
      if (way?.kind === 'loop' && way.key !== null) this.#reservations.get(way.key)?.settle(device);
    }
    this.#letGo();
    for (const { source } of partitions) if (source.kind === 'verity-device') this.#keep(source.name);
    this.#life.send({ type: 'MOUNTED' });
    this.#done(mounts);
  }

  /** Of no other kind of device mapper's: what is written must be on the disk with the last mount, and a key gone. */
  #keep(name: string): void {
    const { kernel, kept } = this.#workshop;
    const device = holdMapped(kernel, name);
    if (device !== null) kept.keep(name, device);
  }

  #learn(index: number): void {
    const partition = this.#work.partitions[index];
    if (partition !== undefined) this.#workshop.direct.refused(partition.name, this.#facts(partition).device);
    this.#life.send({ type: 'DEVICE_NEEDED' });
  }

  #refuse(error: unknown): void {
    this.#letGo();
    this.#life.send({ type: 'REFUSED' });
    this.#failed(error);
  }

  #letGo(): void {
    for (const reservation of this.#reservations.values()) reservation.settle(null);
    this.#reservations.clear();
  }

  #way(partition: Preparation): Way {
    const { source, writable } = partition;
    const isOwn = partition.asked.length > 0;
    if (source.kind === 'verity-device' || source.kind === 'crypt-device') return { kind: source.kind };
    const facts = this.#facts(partition);
    if (source.kind === 'part') {
      const range = { offset: source.offset, sizeLimit: source.size };
      return { kind: 'loop', range, key: source.shared && !isOwn ? fileKey(facts, range) : null };
    }
    const direct = partition.fileSystem.fromFile && !writable && this.#workshop.direct.mayTry(partition.name, facts.device);
    return direct ? { kind: 'file' } : { kind: 'loop', range: wholeFile, key: isOwn ? null : fileKey(facts) };
  }

  #source(index: number): JobSource {
    const way = this.#ways[index];
    const { source, writable = false, asked = [] } = this.#work.partitions[index] ?? {};
    const fd = this.#descriptor(source?.descriptor).fd;
    if (source?.kind === 'verity-device') return this.#verityDevice(source, asked);
    if (source?.kind === 'crypt-device') return this.#cryptDevice(source, writable);
    if (way?.kind !== 'loop') return { kind: 'file', fd };
    const { range, key } = way;
    return { kind: 'loop', fd, range, device: key === null ? null : (this.#reservations.get(key)?.device ?? null) };
  }

  #verityDevice(source: VeritySource, asked: readonly string[]): JobSource {
    const { kernel } = this.#workshop;
    const data = this.#descriptor(source.descriptor).fd;
    const hash = this.#descriptor(source.hashDescriptor).fd;
    const name = verityDeviceName(devicePrefix, kernel.describe(data), kernel.describe(hash), source, asked);
    return { kind: 'verity-device', ...verityDevice(source, name, data, hash) };
  }

  #cryptDevice(source: CryptSource, writable: boolean): JobSource {
    const { descriptor, offset, size, sectorSize, tweak, key } = source;
    const { fd } = this.#descriptor(descriptor);
    return {
      kind: 'crypt-device',
      name: cryptDeviceName(devicePrefix, this.#workshop.kernel.describe(fd), source),
      data: { fd, range: { offset, sizeLimit: size } },
      table: { size, sectorSize, tweak },
      key,
      writable,
    };
  }

  #facts(partition: Preparation) {
    return this.#workshop.kernel.describe(this.#descriptor(partition.source.descriptor).fd);
  }

  /** Where a change of the file would show. */
  #version(partition: Preparation | undefined): string | null {
    const stats = fstatSync(this.#descriptor(partition?.source.descriptor).fd, { bigint: true });
    return isAtRest(stats) ? identityOf(stats) : null;
  }

  #descriptor(index: number | undefined): Descriptor {
    const descriptor = index === undefined ? undefined : this.#work.sources[index];
    if (descriptor === undefined) throw new PosternError('INTERNAL', 'a source points past the descriptors');
    return descriptor;
  }
}
