/** What `postern build` shows of the making of an image. */
import type { BuildOptions } from '../commands/build.ts';
import { answerInJson, json, Progress, paint, say, size, table } from '../output.ts';
import { makeImage } from './make-image.ts';

export async function build(dir: string, out: string, options: BuildOptions): Promise<void> {
  answerInJson(options.json);
  const progress = new Progress();
  const made = await makeImage(dir, out, options, (...step) => progress.show(...step)).finally(() => progress.end());
  if (options.json) {
    json(made);
    return;
  }
  const { subject, fingerprint } = made.signer;
  say(`${paint.green('made')} ${paint.bold(out)}`);
  say(
    table(
      [
        ['file system', `${made.format}, ${size(made.dataSize)}, for ${made.architecture}`],
        ['hash tree', size(made.treeSize)],
        ['root hash', made.rootHash],
        ['signer', `${subject}, SHA-256 ${fingerprint}`],
      ],
      '  ',
    ),
  );
}
