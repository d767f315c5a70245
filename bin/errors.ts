/** How the command line fails: what happened, why, and what to do next, in that order, and with a status that means something. */

import { type ErrorCode, errorCatalogue, PosternError } from '../mesh/errors.ts';
import { isSystemError } from '../native/index.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { complain, json, wantsJson } from './output.ts';

interface Complaint {
  readonly what: string;
  readonly why?: string;
  readonly next?: string;
  /** the catalogue's code, where it is one of its errors */
  readonly code?: ErrorCode;
  readonly exitCode: ExitCode;
}

/** Ends the command with a message for its reader. */
export class Failure extends Error {
  override readonly name = 'Failure';
  constructor(readonly complaint: Complaint) {
    super(complaint.what);
  }
}

/** Everything that is not simply `failed`. */
const statusOf: Partial<Record<ErrorCode, ExitCode>> = {
  PERMISSION_DENIED: exitCodes.refused,
  PASSWORD_MISSING: exitCodes.refused,
  PASSWORD_WRONG: exitCodes.refused,
  POLICY_DENIED: exitCodes.refused,
  SIGNATURE_INVALID: exitCodes.refused,
  SIGNATURE_MISSING: exitCodes.refused,
  SIGNATURE_OTHER_IMAGE: exitCodes.refused,
  SIGNER_UNKNOWN: exitCodes.refused,
  VERITY_DATA: exitCodes.refused,
  VERITY_TREE: exitCodes.refused,

  CANCELLED: exitCodes.temporary,
  LIMIT_REACHED: exitCodes.temporary,
  RANGES_EXHAUSTED: exitCodes.temporary,
  SERVICE_DIED: exitCodes.temporary,
  STORE_FULL: exitCodes.temporary,
  TIMED_OUT: exitCodes.temporary,

  ENCRYPTION_UNSUPPORTED: exitCodes.unavailable,
  NOT_IMPLEMENTED: exitCodes.unavailable,
  SERVICE_UNAVAILABLE: exitCodes.unavailable,
  INTERNAL: exitCodes.bug,
};

/** Codes that tell of the image itself, whoever asked for it. */
const ofTheImage = /^(IMAGE|TABLE|PARTITION|ROOT|FILE_SYSTEM|VERITY|SIGNATURE|LUKS)_/;

function exitCodeOf(code: ErrorCode): ExitCode {
  return statusOf[code] ?? (ofTheImage.test(code) ? exitCodes.badImage : exitCodes.failed);
}

/** An error of the catalogue, told about what the user was doing: `what` becomes the headline. */
export function codedFailure(code: ErrorCode, what: string, why: string): Failure {
  return new Failure({ what, why, next: errorCatalogue[code].next, code, exitCode: exitCodeOf(code) });
}

/** The same for one that was met in this very process. */
export function failureOf(error: PosternError, what: string): Failure {
  return codedFailure(error.code, what, error.message);
}

function asComplaint(thrown: unknown): Complaint {
  if (thrown instanceof Failure) return thrown.complaint;
  if (thrown instanceof PosternError) return failureOf(thrown, 'it did not work').complaint;
  if (isSystemError(thrown)) {
    return { what: `the kernel refused ${thrown.syscall}`, why: thrown.message, next: 'see `postern doctor`', exitCode: exitCodes.system };
  }
  const why = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { what: 'a bug in Postern', why, next: 'report it with the lines above', exitCode: exitCodes.bug };
}

/** Says what went wrong on stderr, as JSON where that was asked for, and returns the status to end with. */
export function report(thrown: unknown): ExitCode {
  const { exitCode, ...complaint } = asComplaint(thrown);
  if (wantsJson()) json({ error: complaint }, process.stderr);
  else complain(complaint.code === undefined ? complaint.what : `${complaint.what} (${complaint.code})`, complaint.why, complaint.next);
  return exitCode;
}
