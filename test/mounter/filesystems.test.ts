/** Every file system, mounted for a real namespace. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { helper } from './helper.ts';
import { fileSystems, type Images, makeImages } from './images.ts';
import { settled, type Traces, traces } from './leaks.ts';
import { startMappedClient } from './namespace.ts';
import { isRoot, mount } from './workbench.ts';

describe.skipIf(!isRoot)('a mounted image (needs root)', () => {
  let images: Images;
  let before: Traces;
  beforeAll(() => {
    images = makeImages();
    helper();
  });
  afterAll(() => images[Symbol.dispose]());
  beforeEach(() => {
    before = traces(images.folder);
  });

  for (const name of fileSystems) {
    it(`${name}: shows its files with the IDs of the range, and leaves nothing`, async () => {
      {
        await using client = await startMappedClient();
        await client.attach(await mount([{ path: images.of(name), fileSystem: name }], client.namespace));
        expect(await client.do('read', { file: 'greeting' })).toBe('hello\n');
        expect(await client.do('owner', { file: 'greeting' })).toBe('0:0');
        expect(await client.do('owner', { file: 'note' })).toBe('1000:1000');
        expect(await client.do('unmount')).toBe('ok');
      }
      await settled(before);
    });
  }
});
