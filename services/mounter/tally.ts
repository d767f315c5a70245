/** Counts attachments for `postern status`. */

export class Tally {
  #underway = 0;
  #mounted = 0;
  #refused = 0;

  /** Counts one piece of work from its start to its end. */
  async count<T>(work: () => Promise<T>): Promise<T> {
    this.#underway++;
    try {
      const result = await work();
      this.#mounted++;
      return result;
    } catch (error) {
      this.#refused++;
      throw error;
    } finally {
      this.#underway--;
    }
  }

  report(): { readonly underway: number; readonly mounted: number; readonly refused: number } {
    return { underway: this.#underway, mounted: this.#mounted, refused: this.#refused };
  }
}
