// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** What is being done with an image at the moment. */
export type Phase = 'reading' | 'checking' | 'copying' | 'waiting';

/**
 * Checks an image now, so that mounting it later costs nothing more. Called with `more`, it tells how far it is: each reply but the last
 * has `phase`, `done` and `total`; the last one has the other fields.
 */
export type PrepareParameters = {
  /** The image: a regular file or a block device, open for reading at least. */
  readonly imageFileDescriptor: number;
  /** What the image may be made of, as for MountImage. */
  readonly imagePolicy?: string | null;
};

export type PrepareReply = {
  /** What is being done. */
  readonly phase?: Phase | null;
  /** How many bytes of `total` that is done with. */
  readonly done?: number | null;
  /** How many bytes there are to do. */
  readonly total?: number | null;
  /** The root hash of the verified image, in hexadecimal digits. */
  readonly rootHash?: string | null;
  /** Who signed it, as the certificate says. */
  readonly signer?: string | null;
  /** Whether the image had been verified before, so that there was nothing to do. */
  readonly cached?: boolean | null;
};

export const description = `# Images ahead of their mount.
#
# Besides its own, a method here ends with the errors of io.systemd.MountFileSystem that say what is wrong with an image.
interface io.postern.Images

# What is being done with an image at the moment.
type Phase(
	# Its table, superblocks and signature are read.
	reading,
	# Its data is checked against its hash tree.
	checking,
	# It is copied to where only verified images are.
	copying,
	# It waits for others, or for the same image to be prepared for another caller.
	waiting
)

# Checks an image now, so that mounting it later costs nothing more. Called with \`more\`, it tells how far it is: each reply but the last
# has \`phase\`, \`done\` and \`total\`; the last one has the other fields.
method Prepare(
	# The image: a regular file or a block device, open for reading at least.
	imageFileDescriptor: int,
	# What the image may be made of, as for MountImage.
	imagePolicy: ?string
) -> (
	# What is being done.
	phase: ?Phase,
	# How many bytes of \`total\` that is done with.
	done: ?int,
	# How many bytes there are to do.
	total: ?int,
	# The root hash of the verified image, in hexadecimal digits.
	rootHash: ?string,
	# Who signed it, as the certificate says.
	signer: ?string,
	# Whether the image had been verified before, so that there was nothing to do.
	cached: ?bool
)
`;
