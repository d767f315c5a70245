/** Something that fsconfig takes as a file system's `source`. */
export interface Source extends Disposable {
  readonly path: string;
  /** the loop device behind it */
  readonly device: number | null;
}
