/** The descriptors of a call: taken by their index, each by one owner, and looked at before anyone acts on them. */
import { constants } from 'node:fs';
import { arch } from 'node:process';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { fileSystemMagics, namespaceTypes, openFlags } from '../../native/constants.ts';
import { type DescriptorFacts, native } from '../../native/index.ts';

/** What F_GETFL says of a file that a 64-bit program opened; x86 and ARM number it differently, and C libraries hide it. */
const largeFile = arch === 'arm64' ? 0o400000 : 0o100000;

/** Flags without an effect on what others do with the open file. */
const harmless = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR | constants.O_NOFOLLOW | largeFile;

/** The kernel's word for people. */
const kinds: Readonly<Record<DescriptorFacts['type'], string>> = {
  regular: 'a regular file',
  directory: 'a directory',
  block: 'a block device',
  character: 'a character device',
  socket: 'a socket',
  fifo: 'a pipe',
  symlink: 'a symbolic link',
  namespace: 'a namespace',
  process: 'a process',
  other: 'something else',
};

/** A parameter that is the index of a descriptor. */
export interface Reference {
  readonly index: number;
  /** the parameter's name */
  readonly parameter: string;
}

/** What came with one call and must not outlast it: descriptors, by their index, and secrets. */
export class Bag {
  readonly #descriptors: Descriptor[];
  readonly #secrets: Uint8Array[] = [];

  /** Takes the descriptors over. */
  constructor(descriptors: readonly Descriptor[]) {
    this.#descriptors = [...descriptors];
  }

  /**
   * Looks at one without taking it.
   * @throws PosternError DESCRIPTOR_INDEX
   */
  at({ index, parameter }: Reference): Descriptor {
    const descriptor = this.#descriptors[index];
    if (index < 0 || descriptor === undefined) {
      throw new PosternError('DESCRIPTOR_INDEX', `index ${index}, with ${this.#descriptors.length} descriptors`, parameter);
    }
    return descriptor;
  }

  /** Descriptors of the caller's own for the same open files, in the order of the references; two may name one index. */
  take(references: readonly Reference[]): Descriptor[] {
    const taken: Descriptor[] = [];
    try {
      for (const reference of references) taken.push(this.at(reference).duplicate());
      return taken;
    } catch (error) {
      closeAll(taken);
      throw error;
    }
  }

  /** Wipes a secret when the bag is closed. */
  keep<S extends Uint8Array | null>(secret: S): S {
    if (secret !== null) this.#secrets.push(secret);
    return secret;
  }

  /** Closes all that is left, and wipes what is secret; a second time does nothing. */
  close(): void {
    closeAll(this.#descriptors.splice(0));
    for (const secret of this.#secrets.splice(0)) secret.fill(0);
  }
}

/**
 * An image, or the hash tree of one: a regular file or block device that can be read, opened with nothing special.
 * @returns what the kernel says of it
 * @throws PosternError that names the parameter
 */
export function checkImage(bag: Bag, reference: Reference): DescriptorFacts {
  const { parameter } = reference;
  const facts = native.describe(bag.at(reference).fd);
  if (facts.type !== 'regular' && facts.type !== 'block') {
    throw new PosternError('DESCRIPTOR_TYPE', `${kinds[facts.type]}, not a regular file or block device`, parameter);
  }
  checkFlags(facts, constants.O_NONBLOCK, parameter);
  if (facts.access !== 'read' && facts.access !== 'read-write') {
    throw new PosternError('DESCRIPTOR_FLAGS', 'it can not be read from', parameter);
  }
  return facts;
}

/**
 * A user namespace, of whomever it is: that is for the allocator to ask.
 * @throws PosternError that names the parameter
 */
export function checkUserNamespace(bag: Bag, reference: Reference): DescriptorFacts {
  const { parameter } = reference;
  const facts = native.describe(bag.at(reference).fd);
  if (facts.type !== 'namespace' || facts.namespaceType !== namespaceTypes.CLONE_NEWUSER) {
    throw new PosternError('NAMESPACE_NOT_USER', facts.type === 'namespace' ? 'another kind of namespace' : kinds[facts.type], parameter);
  }
  checkFlags(facts, 0, parameter);
  return facts;
}

/**
 * A network namespace, of whomever it is: that too is for the allocator to ask.
 * @throws PosternError that names the parameter
 */
export function checkNetworkNamespace(bag: Bag, reference: Reference): void {
  const { parameter } = reference;
  const facts = native.describe(bag.at(reference).fd);
  if (facts.type !== 'namespace' || facts.namespaceType !== namespaceTypes.CLONE_NEWNET) {
    const met = facts.type === 'namespace' ? 'another kind of namespace' : kinds[facts.type];
    throw new PosternError('DESCRIPTOR_TYPE', `${met}, not a network namespace`, parameter);
  }
  checkFlags(facts, 0, parameter);
}

/**
 * A directory that is only pointed at: what may be done with it is asked of the kernel, not of how it was opened.
 * @throws PosternError that names the parameter
 */
export function checkDirectory(bag: Bag, reference: Reference): DescriptorFacts {
  const { parameter } = reference;
  const facts = native.describe(bag.at(reference).fd);
  if (facts.type !== 'directory') throw new PosternError('DESCRIPTOR_TYPE', `${kinds[facts.type]}, not a directory`, parameter);
  refuseFlags(facts, constants.O_DIRECTORY | openFlags.O_PATH, parameter);
  return facts;
}

/**
 * A directory that something is to be made in: open for reading, so that its opener may look into it.
 * @throws PosternError that names the parameter
 */
export function checkParent(bag: Bag, reference: Reference): void {
  const facts = checkDirectory(bag, reference);
  checkFlags(facts, constants.O_DIRECTORY, reference.parameter);
}

/**
 * A control group's folder: open for reading, on cgroup2.
 * @throws PosternError that names the parameter
 */
export function checkControlGroup(bag: Bag, reference: Reference): void {
  const { parameter } = reference;
  const { fileSystemMagic } = checkDirectory(bag, reference);
  if (fileSystemMagic !== fileSystemMagics.CGROUP2_SUPER_MAGIC) {
    throw new PosternError('DESCRIPTOR_TYPE', 'a directory that is no control group of cgroup2', parameter);
  }
  checkParent(bag, reference);
}

/** O_PATH is among the refused: root could reopen what the caller may not read. */
function checkFlags(facts: DescriptorFacts, extra: number, parameter: string): void {
  if (facts.access === 'path') throw new PosternError('DESCRIPTOR_FLAGS', 'O_PATH', parameter);
  refuseFlags(facts, extra, parameter);
}

function refuseFlags(facts: DescriptorFacts, extra: number, parameter: string): void {
  const unsafe = facts.flags & ~(harmless | extra);
  if (unsafe !== 0) throw new PosternError('DESCRIPTOR_FLAGS', `flags 0${(unsafe >>> 0).toString(8)}`, parameter);
}
