/** A client whose socket takes no descriptors (SO_PASSRIGHTS, since Linux 6.16): the kernel lets no answer through that has some. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { type Client, info, openDescriptors, startTestGateway, type TestGateway, until } from './harness.ts';

const python = ['/usr/bin/python3'].find(existsSync);
const unsupported = 'this kernel has no SO_PASSRIGHTS';

/** Asks for a directory and, before the answer is there, for something without descriptors; says what came of it. */
const program = `
import array, json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try: s.setsockopt(socket.SOL_SOCKET, 83, 0)
except OSError:
    print('${unsupported}')
    sys.exit()
call = lambda method, parameters: json.dumps({'method': method, 'parameters': parameters}).encode() + b'\\0'
rights = array.array('i', [os.open('/tmp', os.O_RDONLY)])
make = call('io.systemd.MountFileSystem.MakeDirectory', {'parentFileDescriptor': 0, 'name': 'x'})
s.sendmsg([make], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
s.sendall(call('org.varlink.service.GetInfo', {}))
try: print('end' if s.recv(9) == b'' else 'an answer to another call')
except ConnectionResetError: print('end')
`;

let gateway: TestGateway;
let client: Client;
let before: number;

beforeEach(async () => {
  before = openDescriptors().length;
  gateway = await startTestGateway();
  client = gateway.client();
});
afterEach(async () => {
  await gateway.close();
  expect(openDescriptors().length).toBe(before);
});

/** What the program said, once its request was answered with a directory. */
async function answered(child: ChildProcess, said: Promise<string>): Promise<string> {
  const made = await Promise.race([gateway.siblings.expect('directory.make'), once(child, 'close')]);
  if (!('payload' in made)) return said;
  for (const descriptor of made.descriptors) descriptor.close();
  const directory = new Descriptor(openSync('/tmp', 'r'));
  await gateway.siblings.deliver('allocator', 'directory.made', { request: made.payload.request }, [directory]);
  return said;
}

it.skipIf(python === undefined)('is let go of, hears no answer in the place of another, and harms nobody else', async (context) => {
  const child = spawn(python ?? '', ['-c', program, gateway.path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = (await answered(child, text(child.stdout))).trim();
  if (said === unsupported) context.skip(said);
  expect(said).toBe('end');
  expect(await client.call(info)).toMatchObject({ error: null });
  await until(() => gateway.report().connections === 1);
});
