/** The operator's own policies: wider or narrower than the defaults, and never widened by a caller's. */
import { afterEach, expect, it } from 'vitest';
import { fakeFileSystem, makeImage } from '../image/images.ts';
import { type Ask, Workbench, type WorkbenchOptions } from './workbench.ts';

const mebibyte = 1024 * 1024;
let bench: Workbench;
afterEach(() => bench.close());

/** What comes of a bare file system under these policies: the code of a refusal, or the policy in force. */
async function outcomeOf(policies: WorkbenchOptions['policies'], ask: Ask = {}): Promise<string> {
  bench = await Workbench.start({ ...(policies && { policies }) });
  const { attached, failed } = await bench.verify(bench.write('bare.raw', fakeFileSystem(mebibyte)), ask);
  for (const descriptor of attached?.descriptors ?? []) descriptor.close();
  return attached === undefined ? failed.code : attached.payload.plan.image.imagePolicy;
}

it('an operator may let in what nobody signed: from a copy, without set-user-ID', async () => {
  bench = await Workbench.start({ policies: { untrusted: 'root=unprotected' } });
  const { attached } = await bench.verify(bench.write('bare.raw', fakeFileSystem(mebibyte)), { options: { readOnly: false }, uid: 0 });
  expect(attached?.payload.plan.partitions).toMatchObject([{ writable: false, noSuid: true, source: { kind: 'file' } }]);
  expect(bench.unnamedCopies()).toHaveLength(1);
  for (const descriptor of attached?.descriptors ?? []) descriptor.close();
});

it('an operator may let in what has a hash tree, signed or not', async () => {
  bench = await Workbench.start({ policies: { untrusted: 'root=verity' } });
  await bench.kernelHasVerity();
  const { bytes } = await makeImage({ data: fakeFileSystem(mebibyte) });
  const { attached } = await bench.verify(bench.write('tree.raw', bytes));
  expect(attached?.payload.plan.partitions).toMatchObject([{ noSuid: true, source: { kind: 'verity-device', signature: null } }]);
  for (const descriptor of attached?.descriptors ?? []) descriptor.close();
});

it('an operator may hold trusted directories to more than the default', async () => {
  expect(await outcomeOf({ trusted: 'root=signed:=ignore' }, { trusted: true })).toBe('SIGNATURE_MISSING');
});

it('a caller’s policy narrows the operator’s', async () => {
  expect(await outcomeOf({ trusted: 'root=unprotected+verity' }, { trusted: true, options: { imagePolicy: '*' } })).toBe(
    'root=verity+unprotected',
  );
});

it('a caller’s policy does not widen the operator’s', async () => {
  expect(await outcomeOf(undefined, { options: { imagePolicy: '*' } })).toBe('SIGNATURE_MISSING');
  await bench.close();
  expect(await outcomeOf({ trusted: 'root=signed' }, { trusted: true, options: { imagePolicy: 'root=unprotected' } })).toBe(
    'POLICY_DENIED',
  );
});
