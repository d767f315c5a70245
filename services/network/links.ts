/** The interfaces of the host's network namespace, over one socket to the kernel: each call is one request and its answer. */
import { getSystemErrorName } from 'node:util';
import type { Addon } from '../../native/index.ts';
import * as rt from './netlink/link.ts';
import { type Answer, answerOf, decodeMessages, encodeMessage } from './netlink/message.ts';

/** Far above what is told of one interface without its counters. */
const bufferBytes = 64 * 1024;

/** What the kernel refused, by the names that it has for things. */
export class LinkError extends Error {
  override readonly name = 'LinkError';

  /**
   * @param code `EEXIST` and so on
   * @param call `RTM_NEWLINK` and so on
   * @param words what more the kernel had to say
   */
  constructor(
    readonly code: string,
    readonly call: string,
    readonly words: string | null,
  ) {
    super(`${code}, ${call}${words === null ? '' : `: ${words}`}`);
  }
}

export class Links {
  readonly #addon: Pick<Addon, 'send' | 'receive'>;
  readonly #socket: number;
  readonly #buffer = new Uint8Array(bufferBytes);
  #sequence = 0;

  /** @param socket of `routeSocket`; stays the caller's */
  constructor(addon: Pick<Addon, 'send' | 'receive'>, socket: number) {
    this.#addon = addon;
    this.#socket = socket;
  }

  /** @throws LinkError EEXIST where either name is taken */
  makeVeth(here: rt.End, there: rt.End, namespaceFd: number): void {
    this.#do(rt.makeVeth(here, there, namespaceFd));
  }

  setAlias(name: string, alias: string): void {
    this.#do(rt.setAlias(name, alias));
  }

  setAddress(name: string, address: Uint8Array): void {
    this.#do(rt.setAddress(name, address));
  }

  /** @throws LinkError EEXIST */
  addAlternativeName(name: string, alternative: string): void {
    this.#do(rt.addAlternativeName(name, alternative));
  }

  /** By any of its names; null where there is none such. */
  find(name: string): rt.Link | null {
    const answer = this.#ask(rt.getLink(name));
    if (answer.kind === 'told') return rt.readLink(answer.type, answer.body);
    if (answer.kind === 'refused' && codeOf(answer) === 'ENODEV') return null;
    throw refusal(rt.getLink(name), answer);
  }

  /** With its other end, where it has one. One that is gone is fine. */
  remove(index: number): void {
    const asked = rt.deleteLink(index);
    const answer = this.#ask(asked);
    if (answer.kind === 'done' || (answer.kind === 'refused' && codeOf(answer) === 'ENODEV')) return;
    throw refusal(asked, answer);
  }

  /** The number that a link tells as its `peerNamespace` for the network namespace of a descriptor; null where it has none. */
  numberOf(namespaceFd: number): number | null {
    const asked = rt.getNamespaceId(namespaceFd);
    const answer = this.#ask(asked);
    if (answer.kind === 'told') return rt.readNamespaceId(answer.type, answer.body);
    throw refusal(asked, answer);
  }

  #do(asked: rt.LinkRequest): void {
    const answer = this.#ask(asked);
    if (answer.kind !== 'done') throw refusal(asked, answer);
  }

  /** The kernel does all of it while we send, so its answer is there. What answers another question is passed over. */
  #ask({ type, flags, body, name }: rt.LinkRequest): Answer {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    if (this.#addon.send(this.#socket, encodeMessage({ type, flags, sequence, body }), []) === null)
      throw new Error(`${name} could not be sent`);
    for (;;) {
      const got = this.#addon.receive(this.#socket, this.#buffer, 0);
      if (got === null || got.bytes === 0 || got.truncated) throw new Error(`${name} has no answer that can be read`);
      const packet = Uint8Array.from(this.#buffer.subarray(0, got.bytes));
      const answer = decodeMessages(packet).find((message) => message.sequence === sequence);
      if (answer !== undefined) return answerOf(answer);
    }
  }
}

function codeOf({ errno }: Extract<Answer, { kind: 'refused' }>): string {
  return getSystemErrorName(-errno);
}

function refusal({ name }: rt.LinkRequest, answer: Answer): Error {
  return answer.kind === 'refused'
    ? new LinkError(codeOf(answer), name, answer.words)
    : new Error(`${name} was answered with something else`);
}
