/** What a network interface may be called. Pure. */

/** IFNAMSIZ, less the NUL; no space and no control character. */
const shape = /^[\x21-\x7e]{1,15}$/;
/** The kernel keeps `/` and `:` for paths and aliases, and fills in `%d`. */
const reserved = /[/:%]/;
/** What names all interfaces, or none, in /proc/sys/net; and what can't be a file. */
const words: readonly string[] = ['.', '..', 'all', 'default'];

/** The rules of the kernel and of systemd: what is all digits would be taken for an interface's number. */
export function isInterfaceName(name: string): boolean {
  return shape.test(name) && !reserved.test(name) && !words.includes(name) && !/^[0-9]+$/.test(name);
}
