/** What the mounter said of its kernel's dm-crypt. */
export class CryptDevices {
  #missing: string | null = 'not asked yet';

  /** @param missing why the kernel makes none, or null */
  told(missing: string | null): void {
    this.#missing = missing;
  }

  /** why the kernel makes none, or null */
  get missing(): string | null {
    return this.#missing;
  }
}
