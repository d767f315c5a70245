/** MountImage. */
import { openSync } from 'node:fs';
import { Descriptor } from '../../../../mesh/descriptors.ts';
import { ask, mounts } from '../ask.ts';
import { better, type Case, type Expectation, missing } from '../case.ts';
import { bare, garbage, hello, signed, stranger } from '../ground.ts';
import { HeldNamespace } from '../namespaces.ts';
import { answered } from '../outcome.ts';
import { whileAllowed } from '../polkit-rule.ts';

interface ImageCase extends Expectation {
  readonly namespace?: 'range' | 'none';
  readonly uid?: number;
  /** how the image is opened */
  readonly flags?: string;
  /** an action that polkit lets everybody do meanwhile */
  readonly allowed?: string;
}

function mount(name: string, path: string, parameters: object = {}, options: ImageCase = {}): Case {
  const { namespace: kind = 'range', uid, flags = 'r', allowed, ...expectation } = options;
  return {
    group: 'MountImage',
    name,
    ...expectation,
    async run() {
      await using held = await HeldNamespace.make();
      if (kind === 'range') await held.allocate('im');
      using image = new Descriptor(openSync(path, flags));
      const sent = { imageFileDescriptor: 0, ...(kind === 'none' ? {} : { userNamespaceFileDescriptor: 1 }), ...parameters };
      const descriptors = [image.fd, ...(kind === 'none' ? [] : [held.user.fd])];
      const call = { socket: mounts, method: 'io.systemd.MountFileSystem.MountImage', parameters: sent, descriptors };
      const work = async () => answered(await ask({ ...call, ...(uid === undefined ? {} : { uid }) }));
      return allowed === undefined ? await work() : await whileAllowed(allowed, held.pid, work);
    },
  };
}

const sized = better('the file system’s size is told; systemd 262 says 2⁶⁴−1 of one that fills the whole file', /"size":[1-9][0-9]{3,11},/);
/** The action came with systemd 258. */
const byRule = { allowed: 'io.systemd.mount-file-system.mount-untrusted-image-privately', suites: ['sid'] } as const;
const newer = { newer: true };
const richer = better(
  'the answer tells where each partition belongs, and the image’s name, as systemd 262’s does',
  /"mountPoint":\["\/"\]/,
);
const told = { verdict: { trixie: richer } };
const asksFirst = better(
  'polkit is asked whether the image may be had all the same, as for others that the policy denies',
  /InteractiveAuthenticationRequired/,
);
const asksAsToday = {
  verdict: {
    trixie: better('polkit is asked whether the image may be had all the same, as by systemd 262', /InteractiveAuthenticationRequired/),
  },
};

export const images: readonly Case[] = [
  mount('signed', signed, {}, told),
  mount('signed, made by another tool', hello, {}, told),
  mount('signed, readOnly', signed, { readOnly: true }, told),
  mount('signed, open for writing', signed, {}, { flags: 'r+', ...told }),
  mount('signed, growFileSystems', signed, { growFileSystems: true }, told),
  mount('signed, allowInteractiveAuthentication false', signed, { allowInteractiveAuthentication: false }, told),
  mount('signed, policy that asks for a signature', signed, { imagePolicy: 'root=signed:=ignore' }, told),
  mount('signed, policy that takes nothing', signed, { imagePolicy: '~' }, asksAsToday),
  mount('signed, policy that asks for encryption', signed, { imagePolicy: 'root=encrypted' }, { verdict: asksFirst }),
  mount('signed, policy that is none', signed, { imagePolicy: 'root=sealed' }),
  mount('signed, policy that takes all', signed, { imagePolicy: '*' }, told),
  mount('signed, mountOptions', signed, { mountOptions: { root: 'nosuid' } }, newer),
  mount('signed, veritySharing', signed, { veritySharing: true }, newer),
  mount('signed, relaxExtensionReleaseChecks', signed, { relaxExtensionReleaseChecks: true }, newer),
  mount('signed, half of a sidecar', signed, { verityRootHash: '00'.repeat(32) }, newer),
  mount('signed, for the host', signed, {}, { namespace: 'none' }),
  mount('signed, for the host, by root', signed, {}, { namespace: 'none', uid: 0, ...told }),
  mount('signed by a stranger', stranger, {}, asksAsToday),
  mount(
    'signed by a stranger, by root',
    stranger,
    {},
    {
      uid: 0,
      verdict: {
        sid: missing(
          'polkit lets root have anything, and so is not asked: a daemon of root’s may pass a stranger’s image on, and relies on what is checked',
          /KeyNotFound/,
        ),
      },
    },
  ),
  mount('signed by a stranger, where a rule lets everybody have it', stranger, {}, byRule),
  mount('a bare file system, where a rule lets everybody have it', bare, {}, { ...byRule, verdict: sized }),
  mount('signed by a stranger, policy that takes plain verity', stranger, { imagePolicy: 'root=verity' }, { verdict: asksFirst }),
  mount('a bare file system', bare, {}, asksAsToday),
  mount('a bare file system, policy that takes all', bare, { imagePolicy: '*' }, asksAsToday),
  mount('no image', garbage),
  mount('an empty file', '/home/seen'),
  mount('a device that is none', '/dev/null', {}, { verdict: better('tells which parameter it is', /InvalidParameter/) }),
  mount('a password that nobody asked for', signed, { password: 'secret' }, told),
  mount('a field that nobody knows', signed, { unheardOf: 1 }),
  mount(
    'an index without a descriptor',
    signed,
    { imageFileDescriptor: 9 },
    { verdict: better('tells which parameter it is', /InvalidParameter/) },
  ),
];
