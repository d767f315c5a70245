/** The kernel's "no", in words that may leave the house: the system call, its error, and what the file system said. Pure. */
import type { SystemError } from '../../native/index.ts';

/** Room that the message list leaves for a detail, less what is put around it. */
const maxWords = 600;

/** The kernel names its sources by path: ours, which are nobody else's business. */
const pathLike = /(^|[\s"'(=:])\/[^\s"'),:]+/g;

/**
 * One sentence for a failed step.
 * @param what which partition, as the image names it
 * @param error what the system call threw
 * @param messages the lines that fsMessages read from the mount context, each with its level letter (`e erofs: …`)
 */
export function kernelWords(what: string, error: SystemError, messages: readonly string[]): string {
  const said = messages.map(withoutLevel).map(printable).filter(Boolean).join('; ');
  const words = `${what}: ${error.syscall} failed with ${error.code}${said === '' ? '' : `, the kernel says: ${said}`}`;
  return words.slice(0, maxWords);
}

/** `e `, `w ` and `i ` say how grave a message is. */
function withoutLevel(message: string): string {
  return message.replace(/^[ewi] /, '');
}

/** A hostile image may have had a say in the text. */
function printable(message: string): string {
  return message
    .replace(/[^\x20-\x7e]+/g, ' ')
    .replace(pathLike, '$1(source)')
    .trim();
}
