/** io.systemd.MountFileSystem.MakeDirectory: gateway → allocator → gateway. */
import { PosternError } from '../../../mesh/errors.ts';
import { authorise } from '../authorise.ts';
import { checkParent } from '../descriptors.ts';
import { aboutNewDirectory } from '../questions.ts';
import { type Served, serve } from './method.ts';

const name = 'io.systemd.MountFileSystem.MakeDirectory';

/** NAME_MAX, in bytes */
const maxName = 255;
const defaultMode = 0o700;
/** What systemd's daemon leaves of a mode that is asked for. */
const modeMask = 0o775;

export const makeDirectory: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id } = request;
  const parent = { index: parameters.parentFileDescriptor, parameter: 'parentFileDescriptor' };
  const asked = checkedFileName(parameters.name);
  const mode = checkedMode(parameters.mode ?? defaultMode);
  checkParent(bag, parent);
  authorise({ method: name, peer: client.peer });
  request.permit({
    question: aboutNewDirectory(parameters.allowInteractiveAuthentication ?? false),
    directory: { reference: parent, child: asked },
    proceed(consult) {
      const call = { request: id, deadline: request.deadline, peer: client.peer, name: asked, mode, consult };
      request.pass('allocator', 'directory.make', call, [...bag.take([parent]), ...request.processFor(consult)]);
    },
  });
  return { 'directory.made': (_told, made) => request.answer(name, { directoryFileDescriptor: 0 }, made) };
});

function checkedFileName(asked: string): string {
  const isSound = !['', '.', '..'].includes(asked) && !/[/\0]/.test(asked) && Buffer.byteLength(asked) <= maxName;
  if (!isSound) throw new PosternError('DIRECTORY_NAME');
  return asked;
}

function checkedMode(mode: number): number {
  if (mode < 0 || mode > 0o777) throw new PosternError('INVALID_PARAMETER', 'it is no mode of permissions alone', 'mode');
  return mode & modeMask;
}
