/** The numbers of UIDs and GIDs, which are always given out together: which belong to the pools, and how ranges of them are counted. Pure. */

/** First and last ID, both included. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/** How many IDs a range has: a container's 64 Ki, or a single one. */
export type Unit = 1 | 65536;

/** The size of a container's range. Its ranges are aligned to it, so the upper 16 bits of an ID name its range. */
export const containerSize = 65536;

/** The ecosystem's pool for containers (systemd's container range; kept by its uid registry). */
export const containerPool: readonly IdRange[] = [{ first: 524288, last: 1879048191 }];

/** The ecosystem's pool for single IDs (systemd's dynamic users). */
export const singlePool: readonly IdRange[] = [{ first: 61184, last: 65519 }];

/** The foreign range: owns image trees on lasting file systems, so it is mapped where asked for and never given out. */
export const foreignRange: IdRange = { first: 2147352576, last: 2147418111 };

/** IDs that mean "nobody" somewhere: the overflow ID in 16 and 32 bits, and "no ID" in both. */
export const neverIds: readonly number[] = [65534, 65535, 0xffff_fffe, 0xffff_ffff];

/** Whether two ranges have an ID in common. */
export function overlap(a: IdRange, b: IdRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The range of `size` IDs that begins at `first`. */
export function rangeAt(first: number, size: number): IdRange {
  return { first, last: first + size - 1 };
}

/** Every place where a range of `unit` IDs can begin, in order; the foreign range is left out. */
export function* places(ranges: readonly IdRange[], unit: Unit): Generator<number> {
  for (const { first, last } of ranges) {
    for (let place = first; place + unit - 1 <= last; place += unit) {
      if (!overlap(rangeAt(place, unit), foreignRange)) yield place;
    }
  }
}
