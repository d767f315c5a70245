/** What one user may hold, and whose turn it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountOf, Ledger, type Limits } from '../../services/gateway/limits.ts';
import { type Turn, Turns } from '../../services/gateway/turns.ts';

const limits: Limits = {
  connections: 5,
  connections_per_user: 3,
  requests: 4,
  requests_per_user: 2,
  calls_per_connection: 8,
  bytes_per_user: 100,
  descriptors_per_user: 300,
};

describe('connections', () => {
  it('are bounded for each user and for all', () => {
    const ledger = new Ledger(limits);
    expect([1, 1, 1, 1].map((user) => ledger.openConnection(user))).toEqual([true, true, true, false]);
    expect([2, 2, 2].map((user) => ledger.openConnection(user))).toEqual([true, true, false]);
    ledger.closeConnection(1);
    expect(ledger.openConnection(3)).toBe(true);
  });

  it('leave no account behind', () => {
    const ledger = new Ledger(limits);
    ledger.openConnection(1);
    ledger.hold(1, 5, 1);
    ledger.closeConnection(1);
    expect(ledger.accounts).toBe(1);
    ledger.release(1, 5, 1);
    expect(ledger.accounts).toBe(0);
  });

  it('of all IDs of a container range are those of one user', () => {
    expect(accountOf(1000)).toBe(1000);
    expect(accountOf(524288)).toBe(accountOf(524288 + 65535));
    expect(accountOf(524288)).not.toBe(accountOf(524288 + 65536));
  });
});

describe('room to read', () => {
  it('ends with the bytes, or where another message’s descriptors would not fit', () => {
    const ledger = new Ledger(limits);
    ledger.openConnection(1);
    ledger.openConnection(2);
    expect(ledger.mayRead(1)).toBe(true);
    ledger.hold(1, 100, 0);
    expect(ledger.mayRead(1)).toBe(false);
    expect(ledger.mayRead(2)).toBe(true);
    ledger.release(1, 1, 0);
    ledger.hold(1, 0, 47);
    expect(ledger.mayRead(1)).toBe(true);
    ledger.hold(1, 0, 1);
    expect(ledger.mayRead(1)).toBe(false);
  });

  it('is told of once, to those who still wait', () => {
    const ledger = new Ledger(limits);
    ledger.openConnection(1);
    ledger.hold(1, 150, 0);
    const told: string[] = [];
    const leaves = () => told.push('leaves');
    ledger.whenRoom(1, () => told.push('stays'));
    ledger.whenRoom(1, leaves);
    ledger.forgetRoom(1, leaves);
    ledger.release(1, 40, 0);
    expect(told).toEqual([]);
    ledger.release(1, 40, 0);
    ledger.release(1, 40, 0);
    expect(told).toEqual(['stays']);
  });
});

describe('turns', () => {
  it('begin at once while there is room, and then when others end', () => {
    const turns = new Turns(1, 2);
    const begun: string[] = [];
    const first = turns.ask(1, () => begun.push('a'));
    turns.ask(1, () => begun.push('b'));
    turns.ask(2, () => begun.push('c'));
    turns.ask(3, () => begun.push('d'));
    expect(begun).toEqual(['a', 'c']);
    first.end();
    expect(begun).toEqual(['a', 'c', 'b']);
  });

  it('go round: who has a thousand waiting delays another by one', () => {
    const turns = new Turns(1, 1);
    const order: number[] = [];
    const running: Turn[] = [];
    const ask = (user: number) =>
      turns.ask(user, (turn) => {
        order.push(user);
        running.push(turn);
      });
    for (let i = 0; i < 1000; i += 1) ask(1);
    for (let i = 0; i < 3; i += 1) ask(2);
    for (let i = 0; i < 3; i += 1) ask(3);
    for (let i = 0; i < 9; i += 1) running.shift()?.end();
    expect(order.slice(0, 10)).toEqual([1, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  });

  it('end twice without harm, and can be withdrawn', () => {
    const turns = new Turns(1, 1);
    const first = turns.ask(1, () => {});
    const second = turns.ask(1, () => {
      throw new Error('was withdrawn');
    });
    second.end();
    first.end();
    first.end();
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });

  it('that end as they begin do not pile up', () => {
    const turns = new Turns(1, 1);
    let count = 0;
    const again = (turn: Turn) => {
      count += 1;
      if (count < 100_000) turns.ask(1, again);
      turn.end();
    };
    turns.ask(1, again);
    expect([count, turns.running, turns.waiting]).toEqual([100_000, 0, 0]);
  });

  it('are never more than they may be, and none is lost', () => {
    const step = fc.oneof(fc.record({ ask: fc.nat(3) }), fc.record({ end: fc.nat() }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const turns = new Turns(2, 3);
        const all: { user: number; turn: Turn; begun: boolean }[] = [];
        for (const move of steps) {
          if ('ask' in move) {
            const entry = { user: move.ask, turn: { end() {} }, begun: false };
            all.push(entry);
            entry.turn = turns.ask(move.ask, () => {
              entry.begun = true;
            });
          } else if (all.length > 0) {
            all.splice(move.end % all.length, 1)[0]?.turn.end();
          }
          const running = all.filter(({ begun }) => begun);
          expect(turns.running).toBe(running.length);
          expect(turns.waiting).toBe(all.length - running.length);
          expect(running.length).toBeLessThanOrEqual(3);
          for (const user of [0, 1, 2, 3]) expect(running.filter((entry) => entry.user === user).length).toBeLessThanOrEqual(2);
          if (running.length < 3) {
            for (const entry of all) if (!entry.begun) expect(running.filter(({ user }) => user === entry.user)).toHaveLength(2);
          }
        }
      }),
    );
  });
});
