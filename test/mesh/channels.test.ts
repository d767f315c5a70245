/** Both kinds of channel keep the same promises: whole messages, in order, each with its own descriptors, and the end after all else. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Channel, Packet } from '../../mesh/channel.ts';
import { discard } from '../../mesh/channel.ts';
import { closeAll, Descriptor, ownedDescriptors } from '../../mesh/descriptors.ts';
import { memoryChannels } from '../../mesh/memory-channel.ts';
import { maxWaiting, SocketChannel, socketBufferBytes } from '../../mesh/socket-channel.ts';
import { native } from '../../native/index.ts';

/** One end, with what came out of it. */
class Listener {
  readonly got: string[] = [];
  readonly descriptors: Descriptor[] = [];
  readonly unsent: Packet[] = [];
  closed = 0;
  cuts = 0;
  readonly ended: Promise<void>;
  #end = () => {};

  constructor(channel: Channel) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    channel.open({
      message: (frame, descriptors) => {
        this.got.push(Buffer.from(frame).toString());
        this.descriptors.push(...descriptors);
      },
      cut: () => {
        this.cuts += 1;
      },
      closed: (unsent) => {
        this.closed += 1;
        this.unsent.push(...unsent);
        this.#end();
      },
    });
  }
}

const packet = (text: string, descriptors: Descriptor[] = []): Packet => ({ frame: Buffer.from(text), descriptors });
const someDescriptor = () => new Descriptor(native.pidfdOpen(process.pid));
const socketChannels = (bytes = socketBufferBytes): [Channel, Channel] => {
  const [a, b] = native.socketPair(bytes);
  return [new SocketChannel(new Descriptor(a)), new SocketChannel(new Descriptor(b))];
};
const openInProcess = () => readdirSync('/proc/self/fd').length;

describe.each([
  ['a socket', socketChannels],
  ['its twin in memory', memoryChannels],
] as const)('a channel over %s', (_kind, make) => {
  it('delivers messages in order, then the end', async () => {
    const [here, there] = make();
    const listener = new Listener(there);
    const texts = Array.from({ length: 500 }, (_, i) => `message ${i}`);
    for (const text of texts) expect(here.send(packet(text))).toBe(true);
    here.close();
    await listener.ended;
    expect(listener.got).toEqual(texts);
    expect(listener.closed).toBe(1);
  });

  it('keeps what arrives before anyone listens', async () => {
    const [here, there] = make();
    here.send(packet('early'));
    here.close();
    const listener = new Listener(there);
    await listener.ended;
    expect(listener.got).toEqual(['early']);
  });

  it('never delivers within the call that sends', () => {
    const [here, there] = make();
    const listener = new Listener(there);
    here.send(packet('x'));
    expect(listener.got).toEqual([]);
    there.drain();
    expect(listener.got).toEqual(['x']);
    here.close();
    there.close();
  });

  it('hands descriptors over: the sender has none left, the receiver has its own', async () => {
    const [here, there] = make();
    const listener = new Listener(there);
    const mine = someDescriptor();
    here.send(packet('x', [mine]));
    expect(() => mine.fd).toThrow();
    here.close();
    await listener.ended;
    expect(listener.descriptors.map(({ fd }) => native.describe(fd).type)).toEqual(['process']);
    closeAll(listener.descriptors);
  });

  it('refuses what is sent after its end, and leaves it to the sender', () => {
    const [here, there] = make();
    here.close();
    const mine = someDescriptor();
    expect(here.send(packet('x', [mine]))).toBe(false);
    mine.close();
    there.close();
  });

  it('closes what arrived and nobody took', async () => {
    const before = openInProcess();
    const [here, there] = make();
    here.send(packet('x', [someDescriptor(), someDescriptor()]));
    there.close();
    here.close();
    await new Promise(setImmediate);
    expect(openInProcess()).toBe(before);
  });

  it('says before a message departs that it does, and after that it was lost', () => {
    const [here, there] = make();
    const said: string[] = [];
    new Listener(here);
    there.close();
    here.send({ ...packet('x', [someDescriptor()]), departing: () => said.push('departing'), lost: () => said.push('lost') });
    here.drain();
    here.close();
    expect(said).toEqual(['departing', 'lost']);
  });

  it('ends once, whoever ends it', () => {
    const [here, there] = make();
    const [one, other] = [new Listener(here), new Listener(there)];
    here.close();
    there.drain();
    there.close();
    here.close();
    expect([one.closed, other.closed]).toEqual([1, 1]);
  });
});

describe('a channel over a socket', () => {
  it('keeps what the socket does not take, and delivers all of it in order', async () => {
    const [here, there] = socketChannels(4096);
    const texts = Array.from({ length: maxWaiting }, (_, i) => `${i} ${'x'.repeat(2000)}`);
    new Listener(here);
    for (const text of texts) expect(here.send(packet(text, [someDescriptor()]))).toBe(true);
    expect(ownedDescriptors()).toBeGreaterThan(500);
    const listener = new Listener(there);
    while (listener.got.length < texts.length) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(listener.got).toEqual(texts);
    expect(listener.descriptors).toHaveLength(texts.length);
    closeAll(listener.descriptors);
    here.close();
    there.close();
  });

  it('refuses more than it may keep', () => {
    const [here, there] = socketChannels(4096);
    const text = 'x'.repeat(2000);
    let taken = 0;
    while (here.send(packet(text))) taken += 1;
    expect(taken).toBeGreaterThanOrEqual(maxWaiting);
    expect(taken).toBeLessThan(2 * maxWaiting);
    here.close();
    there.close();
  });

  it('gives back what never departed when the other side dies, and loses only what had begun to', async () => {
    const [here, there] = socketChannels(4096);
    const listener = new Listener(here);
    const departed: number[] = [];
    const lost: number[] = [];
    for (let i = 0; i < 100; i++)
      here.send({ ...packet('x'.repeat(2000), [someDescriptor()]), departing: () => departed.push(i), lost: () => lost.push(i) });
    there.close();
    await listener.ended;
    expect(departed.length + listener.unsent.length).toBe(100);
    expect(lost).toEqual(departed.slice(-1));
    discard(listener.unsent);
  });

  it('delivers what a peer had sent before it died, also where it died with unread messages', async () => {
    const [here, there] = socketChannels();
    here.send(packet('never read'));
    there.send(packet('last words', [someDescriptor()]));
    there.close();
    const listener = new Listener(here);
    await listener.ended;
    expect(listener.got).toEqual(['last words']);
    closeAll(listener.descriptors);
  });

  it('reports a message that did not fit, and keeps nothing of it', async () => {
    const before = openInProcess();
    const [raw, end] = native.socketPair(socketBufferBytes);
    const pidfd = someDescriptor();
    native.send(raw, new Uint8Array(200 * 1024), [pidfd.fd]);
    pidfd.close();
    native.close(raw);
    const listener = new Listener(new SocketChannel(new Descriptor(end)));
    await listener.ended;
    expect({ cuts: listener.cuts, got: listener.got }).toEqual({ cuts: 1, got: [] });
    expect(openInProcess()).toBe(before);
  });

  it('serves others between the messages of a talkative peer', async () => {
    const [talker, ear] = socketChannels();
    const [quiet, otherEar] = socketChannels();
    for (let i = 0; i < 200; i++) talker.send(packet('talk'));
    quiet.send(packet('excuse me'));
    const [talked, heard] = [new Listener(ear), new Listener(otherEar)];
    let before = 0;
    while (heard.got.length === 0) {
      before = talked.got.length;
      await new Promise(setImmediate);
    }
    expect(before).toBeLessThan(200);
    for (const channel of [talker, quiet, ear, otherEar]) channel.close();
  });
});
