/** How many questions are with polkit at a time: a bus lets one connection have 128 calls without their reply. Pure. */

/** Questions that programs answer, in milliseconds. More wait for their turn. */
const maxQuick = 64;
/** Questions that people answer, in all and of one user. More are refused, since the wait has no end that anybody knows. */
const maxInteractive = 32;
const maxInteractivePerUser = 4;

export class Turns {
  #quick = 0;
  readonly #waiting = new Set<() => void>();
  readonly #people: number[] = [];

  get underWay(): number {
    return this.#quick + this.#people.length;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** For a question that a person is asked; false where too many are open. To be given back with `endPerson`. */
  beginPerson(uid: number): boolean {
    const own = this.#people.filter((each) => each === uid).length;
    if (this.#people.length >= maxInteractive || own >= maxInteractivePerUser) return false;
    this.#people.push(uid);
    return true;
  }

  endPerson(uid: number): void {
    const index = this.#people.indexOf(uid);
    if (index >= 0) this.#people.splice(index, 1);
  }

  /** Waits for a turn, to be given back with `endQuick`. @throws the signal's reason */
  async beginQuick(signal: AbortSignal): Promise<void> {
    if (this.#quick >= maxQuick) {
      await new Promise<void>((resolve, reject) => {
        const abort = () => {
          this.#waiting.delete(go);
          reject(signal.reason);
        };
        const go = () => {
          signal.removeEventListener('abort', abort);
          resolve();
        };
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', abort, { once: true });
        this.#waiting.add(go);
      });
    } else this.#quick += 1;
  }

  /** The turn goes to who waits longest. */
  endQuick(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#quick -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
