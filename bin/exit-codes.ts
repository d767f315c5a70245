/**
 * What the command line's exit status means; docs/command-line.md tells it to people. Those above 63 follow sysexits(3). `run` and
 * `allocate` end with the status of the command that they ran, 128 + N where signal N ended it.
 */
export const exitCodes = {
  ok: 0,
  /** it was tried and did not work; the message says why */
  failed: 1,
  /** the command line itself is wrong */
  usage: 2,
  /** an image is not what it should be */
  badImage: 65,
  /** a file that was named can't be read */
  noInput: 66,
  /** nobody answers on the socket, or a part of Postern is not running */
  unavailable: 69,
  /** Postern has a bug */
  bug: 70,
  /** the kernel refused something that should work */
  system: 71,
  /** a file or folder can't be made */
  cantCreate: 73,
  /** trying again later may work */
  temporary: 75,
  /** refused: this caller may not, or this image is not trusted */
  refused: 77,
  /** the configuration can't be used */
  config: 78,
  /** the command was found but can't be run */
  cannotExecute: 126,
  /** the command was not found */
  notFound: 127,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
