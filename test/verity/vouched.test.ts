/** Images that nobody stands for: somebody is asked, once and only about those, and what is let in is a copy that its caller can't reach. */
import { appendFileSync, closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { openFlags } from '../../native/constants.ts';
import type { AskUntrusted, UntrustedCall } from '../../services/verity/authority.ts';
import { fakeFileSystem, makeImage, makeSigner } from '../image/images.ts';
import { writeDisk } from '../support/disk.ts';
import { Workbench } from './workbench.ts';

const mebibyte = 1024 * 1024;
let bench: Workbench;
afterEach(() => bench.close());

/** A bench whose asked person answers so, and what that person was asked. */
async function benchWith(answer: AskUntrusted): Promise<UntrustedCall[]> {
  const asked: UntrustedCall[] = [];
  bench = await Workbench.start({
    askUntrusted: (call, process) => {
      asked.push(call);
      return answer(call, process);
    },
  });
  return asked;
}
const yes: AskUntrusted = () => Promise.resolve(true);
const no: AskUntrusted = () => Promise.resolve(false);

describe('an image that nobody stands for', () => {
  it('is refused as before, where the answer is no', async () => {
    const asked = await benchWith(no);
    expect(await bench.verdict(bench.write('bare.raw', fakeFileSystem(mebibyte)))).toBe('SIGNATURE_MISSING');
    expect(asked).toMatchObject([{ peer: { uid: 1000 }, holder: null }]);
  });

  it('is refused with the reason of whoever could not be asked', async () => {
    await benchWith(() => Promise.reject(new PosternError('TIMED_OUT')));
    expect(await bench.verdict(bench.write('bare.raw', fakeFileSystem(mebibyte)))).toBe('TIMED_OUT');
  });

  it('is mounted from a copy without a name, for reading only and without set-user-ID, where the answer is yes', async () => {
    await benchWith(yes);
    const path = bench.write('bare.raw', fakeFileSystem(2 * mebibyte + 4096));
    const { attached } = await bench.verify(path, { options: { readOnly: false }, uid: 0 });
    if (attached === undefined) throw new Error('it was refused');
    const { plan } = attached.payload;
    expect(plan).toMatchObject({
      image: { imagePolicy: '*' },
      partitions: [{ writable: false, noSuid: true, source: { kind: 'file', descriptor: 0 } }],
    });
    const [copy] = attached.descriptors;
    if (copy === undefined) throw new Error('no copy came');
    const file = openSync(path, 'r+');
    writeSync(file, 'changed', 0);
    closeSync(file);
    expect(readFileSync(`/proc/self/fd/${copy.fd}`).equals(Buffer.from(fakeFileSystem(2 * mebibyte + 4096)))).toBe(true);
    expect(fstatSync(copy.fd).nlink).toBe(0);
    expect(bench.copies()).toEqual([]);
    expect(bench.unnamedCopies()).toHaveLength(1);
    expect(Number(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${copy.fd}`, 'utf8'))?.[1]) & openFlags.O_ACCMODE).toBe(
      constants.O_RDONLY,
    );
    copy.close();
    expect(bench.unnamedCopies()).toEqual([]);
  });

  it('has every partition copied that its caller’s policy names', async () => {
    await benchWith(yes);
    const content = bench.write('content', fakeFileSystem(mebibyte));
    writeDisk(`${bench.folder}/disk.raw`, [
      { designator: 'root', content },
      { designator: 'home', content },
      { designator: 'srv', content },
    ]);
    const { attached } = await bench.verify(`${bench.folder}/disk.raw`, { options: { imagePolicy: 'root=open:home=open:=ignore' } });
    expect(attached?.payload.plan.partitions.map(({ designator }) => designator)).toEqual(['root', 'home']);
    for (const descriptor of attached?.descriptors ?? []) descriptor.close();
  });

  it('with a hash tree is mounted by it', async () => {
    await benchWith(yes);
    await bench.kernelHasVerity();
    const { bytes } = await makeImage({ data: fakeFileSystem(mebibyte), signer: makeSigner('stranger') });
    const { attached } = await bench.verify(bench.write('tree.raw', bytes), { options: { imagePolicy: 'root=verity:=ignore' } });
    expect(attached?.payload.plan.partitions).toMatchObject([{ source: { kind: 'verity-device', signature: null }, noSuid: true }]);
    for (const descriptor of attached?.descriptors ?? []) descriptor.close();
  });

  it('is held against its caller’s own policy all the same', async () => {
    await benchWith(yes);
    const path = bench.write('bare.raw', fakeFileSystem(mebibyte));
    expect(await bench.verdict(path, { options: { imagePolicy: 'root=signed' } })).toBe('SIGNATURE_MISSING');
  });

  it('leaves nothing where it grows while it is copied', async () => {
    await benchWith(yes);
    const path = bench.write('bare.raw', fakeFileSystem(8 * mebibyte));
    const request = bench.begin(path);
    let ended = false;
    const outcome = bench.end(request).finally(() => {
      ended = true;
    });
    while (!ended) {
      appendFileSync(path, 'x');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await outcome).failed?.code).toBe('IMAGE_CHANGED');
    expect(bench.unnamedCopies()).toEqual([]);
  });

  it('leaves nothing where it is too large', async () => {
    bench = await Workbench.start({ askUntrusted: yes, store: { max_image_size: mebibyte } });
    expect(await bench.verdict(bench.write('bare.raw', fakeFileSystem(2 * mebibyte)))).toBe('IMAGE_TOO_LARGE');
    expect(bench.unnamedCopies()).toEqual([]);
  });

  it('leaves nothing where its caller went away', async () => {
    await benchWith(yes);
    const request = bench.begin(bench.write('bare.raw', fakeFileSystem(8 * mebibyte)));
    await bench.until(() => bench.unnamedCopies().length > 0);
    await bench.cancel(request);
    expect((await bench.end(request)).failed?.code).toBe('CANCELLED');
    expect(bench.unnamedCopies()).toEqual([]);
  });
});

describe('an image that the kernel is to judge', () => {
  let path: string;
  beforeEach(async () => {
    asked = await benchWith(yes);
    await bench.kernelHasVerity();
    const { bytes } = await makeImage({ data: fakeFileSystem(mebibyte), signer: makeSigner('stranger') });
    path = bench.write('signed.raw', bytes);
  });
  let asked: UntrustedCall[];

  /** What the mounter is asked, and answers. */
  async function kernelSays(refusal: 'SIGNER_UNKNOWN' | 'SIGNATURE_INVALID' | null): Promise<void> {
    const { payload, descriptors } = await bench.mesh.expect('signer.ask');
    expect(payload.device).toMatchObject({ kind: 'verity-device', descriptor: 0, hashDescriptor: 1, trusted: false });
    closeAll(descriptors);
    await bench.mesh.deliver('mounter', 'signer.told', { ask: payload.ask, refusal, detail: '' });
  }
  async function outcome(refusal: 'SIGNER_UNKNOWN' | 'SIGNATURE_INVALID' | null): Promise<unknown> {
    const request = bench.begin(path, { hasProcess: true });
    await kernelSays(refusal);
    const { attached, failed } = await bench.end(request);
    closeAll(attached?.descriptors ?? []);
    return attached?.payload.plan.partitions ?? failed?.code;
  }

  it('is let in all the same where it does not know the signer, and the answer is yes', async () => {
    const vouched = [{ noSuid: true, source: { kind: 'verity-device', signature: null } }];
    expect(await outcome('SIGNER_UNKNOWN')).toMatchObject(vouched);
    expect(asked).toHaveLength(1);
    // by then it may know the signer
    expect(await outcome('SIGNER_UNKNOWN')).toMatchObject(vouched);
  });

  it('is nobody’s to let in where its signature is broken', async () => {
    expect(await outcome('SIGNATURE_INVALID')).toBe('SIGNATURE_INVALID');
    expect(asked).toEqual([]);
  });

  it('is judged by it once more when it is mounted, and is not asked about again', async () => {
    const signed = [{ source: { kind: 'verity-device', signature: expect.any(Uint8Array), trusted: false } }];
    expect(await outcome(null)).toMatchObject(signed);
    const { attached } = await bench.verify(path, { hasProcess: true });
    expect(attached?.payload.plan.partitions).toMatchObject(signed);
    closeAll(attached?.descriptors ?? []);
    expect(asked).toEqual([]);
  });

  it('is refused where the mounter dies over it', async () => {
    const request = bench.begin(path, { hasProcess: true });
    closeAll((await bench.mesh.expect('signer.ask')).descriptors);
    bench.mesh.peerDown('mounter');
    expect((await bench.end(request)).failed?.code).toBe('SERVICE_DIED');
  });

  it('is asked about at its mount alone where nobody could let it in', async () => {
    const { attached } = await bench.verify(path);
    closeAll(attached?.descriptors ?? []);
    expect(bench.mesh.sent().map(({ name }) => name)).not.toContain('signer.ask');
    expect(attached?.payload.plan.partitions).toMatchObject([{ source: { trusted: false } }]);
  });
});

describe('nobody is asked', () => {
  it('about an image that is broken', async () => {
    const asked = await benchWith(yes);
    expect(await bench.verdict(bench.write('nothing.raw', new Uint8Array(mebibyte)))).toBe('IMAGE_NOT_RECOGNISED');
    expect(asked).toEqual([]);
  });

  it('about one that lies in a trusted directory', async () => {
    const asked = await benchWith(yes);
    const path = bench.write('bare.raw', fakeFileSystem(mebibyte));
    expect(await bench.verdict(path, { trusted: true, options: { imagePolicy: 'root=signed' } })).toBe('SIGNATURE_MISSING');
    expect(asked).toEqual([]);
  });

  it('where there is nobody to ask', async () => {
    bench = await Workbench.start();
    expect(await bench.verdict(bench.write('bare.raw', fakeFileSystem(mebibyte)))).toBe('SIGNATURE_MISSING');
  });
});
