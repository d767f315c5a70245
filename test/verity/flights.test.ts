/** Work that requests share: begun once, told to all, and given up only when nobody waits for it any more. */
import { describe, expect, it } from 'vitest';
import { PosternError } from '../../mesh/errors.ts';
import { Flights, type Progress } from '../../services/verity/flights.ts';

function waiter() {
  const end = new AbortController();
  const heard: Progress[] = [];
  return { end, heard, signal: end.signal, progress: (progress: Progress) => void heard.push(progress) };
}

/** Work that ends when it is told to, and says what became of it. */
function controlled() {
  const begun: { signal: AbortSignal; progress(progress: Progress): void; land(): void; fail(error: Error): void }[] = [];
  const work = (signal: AbortSignal, progress: (progress: Progress) => void) =>
    new Promise<void>((land, fail) => void begun.push({ signal, progress, land, fail }));
  return { begun, work };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const codeOf = (work: Promise<void>) =>
  work.then(
    () => 'landed',
    (thrown: unknown) => (thrown instanceof PosternError ? thrown.code : 'other'),
  );

describe('work that several requests wait for', () => {
  it('is begun once and ends for all', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const all = [waiter(), waiter(), waiter()].map((each) => codeOf(flights.board('a', 'first', each, work)));
    await settle();
    expect(begun).toHaveLength(1);
    expect(flights.labelOf('a')).toBe('first');
    begun[0]?.land();
    expect(await Promise.all(all)).toEqual(['landed', 'landed', 'landed']);
    expect(flights.size).toBe(0);
  });

  it('tells each how far it is, also who came later', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const [first, second] = [waiter(), waiter()];
    const boarded = [flights.board('a', '', first, work)];
    await settle();
    begun[0]?.progress({ phase: 'copying', done: 1, total: 3 });
    boarded.push(flights.board('a', '', second, work));
    begun[0]?.progress({ phase: 'copying', done: 2, total: 3 });
    expect(first.heard.map(({ done }) => done)).toEqual([1, 2]);
    expect(second.heard.map(({ done }) => done)).toEqual([2]);
    begun[0]?.land();
    await Promise.all(boarded);
  });

  it('goes on when the one that began it leaves', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const [first, second] = [waiter(), waiter()];
    const [left, stayed] = [first, second].map((each) => codeOf(flights.board('a', '', each, work)));
    await settle();
    first.end.abort();
    expect(await left).toBe('CANCELLED');
    expect(begun[0]?.signal.aborted).toBe(false);
    begun[0]?.land();
    expect(await stayed).toBe('landed');
  });

  it('is given up when the last one leaves, and begun again only when it has let go', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const [first, second] = [waiter(), waiter()];
    const left = codeOf(flights.board('a', '', first, work));
    await settle();
    first.end.abort();
    expect(await left).toBe('CANCELLED');
    expect(begun[0]?.signal.aborted).toBe(true);
    expect(flights.labelOf('a')).toBeUndefined();

    const next = codeOf(flights.board('a', '', second, work));
    await settle();
    expect(begun).toHaveLength(1);
    begun[0]?.fail(new PosternError('CANCELLED'));
    await settle();
    expect(begun).toHaveLength(2);
    begun[1]?.land();
    expect(await next).toBe('landed');
    expect(flights.size).toBe(0);
  });

  it('fails for all with the same error, and may be tried again', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const all = [waiter(), waiter()].map((each) => codeOf(flights.board('a', '', each, work)));
    await settle();
    begun[0]?.fail(new PosternError('VERITY_DATA'));
    expect(await Promise.all(all)).toEqual(['VERITY_DATA', 'VERITY_DATA']);
    const again = codeOf(flights.board('a', '', waiter(), work));
    await settle();
    begun[1]?.land();
    expect(await again).toBe('landed');
  });

  it('is not begun for a request that has ended already', async () => {
    const flights = new Flights<string>();
    const { begun, work } = controlled();
    const gone = waiter();
    gone.end.abort();
    expect(await codeOf(flights.board('a', '', gone, work))).toBe('CANCELLED');
    expect(begun).toHaveLength(0);
  });
});
