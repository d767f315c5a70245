/** Tries everything once. What only root can try, and we are not, is told as that: never as a no. */
import { execFile } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { isSystemError, native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { defaultState } from '../state.ts';

/** `ok`, or the name of the error that the kernel answered with. */
export type Answer = string;

const container = join(dirname(fileURLToPath(import.meta.url)), 'container');
export const isRoot = process.getuid?.() === 0;

/** An empty folder as mkfs.erofs makes it: 4 KiB, mostly zeros. */
const emptyErofs = `H4sIAAAAAAACA2NgGAWjYBSMVPDo4dcH5SlyH5mBbB4GFQZGLGoYaWg/CxC/dWRikIby/wMBsrwKlJZgYIKzJYFsPT290cgbBaNgFIyCUTAK
RsEoGAWjgEQAAO7ExpoAEAAA`;

/** Memory-backed file systems can't carry a file-backed erofs, so not in /tmp. */
const diskFolder = '/var/tmp';

function attempt(action: () => void): Answer {
  try {
    action();
    return 'ok';
  } catch (thrown) {
    if (isSystemError(thrown)) return thrown.code;
    throw thrown;
  }
}

function mountErofsFromFile(): void {
  const folder = mkdtempSync(join(diskFolder, 'postern-doctor-'));
  try {
    const path = join(folder, 'empty.erofs');
    writeFileSync(path, gunzipSync(Buffer.from(emptyErofs, 'base64')));
    const image = openSync(path, 'r');
    const context = native.fsopen('erofs');
    try {
      native.fsconfigString(context, 'source', `/proc/self/fd/${image}`);
      native.fsconfigFlag(context, 'ro');
      native.fsconfigCreate(context);
      native.close(native.fsmount(context, 0));
    } finally {
      native.close(context);
      closeSync(image);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the C program tries in processes of their own: one `name answer` a line. */
async function tryInChildren(): Promise<[string, Answer][]> {
  const folder = isRoot && existsSync(defaultState) ? defaultState : diskFolder;
  try {
    const { stdout } = await promisify(execFile)(container, ['probe'], { env: { TMPDIR: folder } });
    return stdout
      .trim()
      .split('\n')
      .map((line): [string, Answer] => {
        const [name = '', answer = ''] = line.split(' ');
        return [name, answer];
      });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Failure({ what: 'the kernel can’t be examined', why, next: 'npm run setup', exitCode: exitCodes.system });
  }
}

/** Every feature's answer by its name. */
export async function probe(): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map(await tryInChildren());
  answers.set('erofs-file', attempt(mountErofsFromFile));
  answers.set('bpf-lsm', native.tryBpfLsm() ?? 'ok');
  return answers;
}
