/** postern build: a signed disk image from a folder. */
import { Command, Option } from 'commander';

export const formats = ['erofs', 'squashfs', 'ext4'] as const;
export type Format = (typeof formats)[number];

export interface BuildOptions {
  readonly key: string;
  readonly cert: string;
  readonly format: Format;
  readonly name?: string;
  readonly owners?: 'keep' | 'root';
  readonly json?: boolean;
}

const help = `
Needs no privileges. The image holds the folder as a read-only file system for this machine's architecture, a hash tree over it, and
the signature over the tree's root hash. The same folder, name and SOURCE_DATE_EPOCH give the same image (ext4: the same files).

A key and certificate to try it with:
  openssl req -x509 -newkey rsa:2048 -nodes -keyout my.key -out my.crt -subj "/CN=me" -days 3650

Examples:
  postern build ./root hello.raw --key my.key --cert my.crt
  postern build ./root hello.raw --key my.key --cert my.crt --format squashfs --name hello_1.2`;

export function buildCommand(): Command {
  return new Command('build')
    .summary('make a signed disk image from a folder')
    .description('Make a signed disk image from a folder.')
    .argument('<dir>', 'the folder that becomes the root of the image')
    .argument('<out>', 'the image; one that is there is replaced once the new one is whole')
    .requiredOption('--key <file>', 'the private key that signs, as PEM (RSA or EC, no passphrase)')
    .requiredOption('--cert <file>', 'its certificate, as PEM')
    .addOption(new Option('--format <type>', 'the file system').choices(formats).default('erofs'))
    .option('--name <name>', 'the name of the partition (default: the name of the image, without .raw)')
    .addOption(
      new Option('--owners <whose>', 'who owns the files inside: who does now, or root (default: keep for root, else root)').choices([
        'keep',
        'root',
      ]),
    )
    .option('--json', 'for programs: one JSON document')
    .addHelpText('after', help)
    .action(async (dir: string, out: string, options: BuildOptions) => (await import('../build/build.ts')).build(dir, out, options));
}
