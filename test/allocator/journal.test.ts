/** The journal: what was appended is there again, whatever was cut off behind it. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Journal } from '../../services/allocator/journal.ts';
import { MemoryDisk } from './support/memory-disk.ts';

const path = '/state/ranges.journal';
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function written(...payloads: unknown[]): MemoryDisk {
  const disk = new MemoryDisk();
  const { journal } = Journal.open('/state', disk);
  for (const payload of payloads) journal.append(payload);
  return disk;
}

describe('a journal', () => {
  it('is read back from a real disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'postern-journal-'));
    folders.push(folder);
    const { journal } = Journal.open(join(folder, 'new'));
    const payload = { text: 'é', large: 0xffff_fffe, handle: Uint8Array.of(1, 2, 3), none: null };
    journal.append(payload);
    journal.append({ kind: 'second' });
    journal.sync();
    journal.close();
    const again = Journal.open(join(folder, 'new'));
    again.journal.close();
    expect(again.payloads).toEqual([{ ...payload, handle: Buffer.of(1, 2, 3) }, { kind: 'second' }]);
  });

  it('that was cut off anywhere keeps every whole frame before the cut, and goes on from there', () => {
    const whole = written('first', { second: 2 }).contents(path);
    const afterFirst = written('first').contents(path).length;
    for (let length = 0; length < whole.length; length++) {
      const disk = new MemoryDisk();
      disk.put(path, whole.subarray(0, length));
      const { journal, payloads } = Journal.open('/state', disk);
      expect(payloads).toEqual(length < afterFirst ? [] : ['first']);
      journal.append('next');
      expect(Journal.open('/state', disk).payloads).toEqual([...payloads, 'next']);
    }
  });

  it('with any bit of its last frame turned keeps the frames before it', () => {
    const whole = written('first', { second: 2 }).contents(path);
    const afterFirst = written('first').contents(path).length;
    for (let bit = afterFirst * 8; bit < whole.length * 8; bit++) {
      const turned = Buffer.from(whole);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const disk = new MemoryDisk();
      disk.put(path, turned);
      expect(Journal.open('/state', disk).payloads).toEqual(['first']);
    }
  });

  it('takes a frame whole or not at all when the disk is full', () => {
    const disk = new MemoryDisk();
    const { journal } = Journal.open('/state', disk);
    journal.append('first');
    disk.room = 10;
    expect(() => journal.append({ second: 'more than ten bytes' })).toThrow('no room');
    disk.room = 1000;
    journal.append('third');
    expect(Journal.open('/state', disk).payloads).toEqual(['first', 'third']);
  });

  it('that could not be rewritten stays as it was', () => {
    const disk = written('first', 'second');
    const { journal } = Journal.open('/state', disk);
    disk.room = 10;
    expect(() => journal.rewrite(['a much shorter journal, or so one had hoped'])).toThrow('no room');
    disk.room = 1000;
    journal.append('third');
    expect(Journal.open('/state', disk).payloads).toEqual(['first', 'second', 'third']);
  });

  it('leaves nothing of an unfinished rewrite', () => {
    const folder = mkdtempSync(join(tmpdir(), 'postern-journal-'));
    folders.push(folder);
    Journal.open(folder).journal.close();
    const { journal } = Journal.open(folder);
    journal.append('first');
    journal.rewrite(['short']);
    journal.append('second');
    journal.close();
    const again = Journal.open(folder);
    again.journal.close();
    expect(again.payloads).toEqual(['short', 'second']);
    expect(readdirSync(folder)).toEqual(['ranges.journal']);
  });
});
