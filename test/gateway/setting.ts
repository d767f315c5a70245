/** What tests of the gateway need, and none of it left afterwards. */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { native } from '../../native/index.ts';
import { type Client, Namespace, openDescriptors, startTestGateway, type TestGateway } from './harness.ts';

/** A gateway, a client and a new namespace, for one test. */
export interface Setting {
  readonly gateway: TestGateway;
  readonly client: Client;
  readonly namespace: Namespace;
  /** A descriptor to pass, closed after the test. */
  open(path: string, flags?: string | number): number;
}

/** A setting anew for each test of a file. After it all is gone, and no descriptor is left. */
export function settingForEach(): Setting {
  let made: { gateway: TestGateway; client: Client; namespace: Namespace; opened: number[]; before: number } | undefined;
  const now = () => {
    if (made === undefined) throw new Error('only within a test');
    return made;
  };
  beforeEach(async () => {
    const before = openDescriptors().length;
    const namespace = await Namespace.create();
    const gateway = await startTestGateway();
    made = { gateway, client: gateway.client(), namespace, opened: [], before };
  });
  afterEach(async () => {
    const { gateway, namespace, opened, before } = now();
    made = undefined;
    for (const fd of opened) native.close(fd);
    await gateway.close();
    await namespace.end();
    expect(openDescriptors().length).toBe(before);
  });
  return {
    get gateway() {
      return now().gateway;
    },
    get client() {
      return now().client;
    },
    get namespace() {
      return now().namespace;
    },
    open(path, flags = 'r') {
      const fd = openSync(path, flags);
      now().opened.push(fd);
      return fd;
    },
  };
}

/** What calls are about. */
export interface Subjects {
  readonly namespace: Namespace;
  /** an open file */
  readonly image: number;
}

/** The same for all tests of a file. */
export function subjectsForAll(): Subjects {
  let made: (Subjects & { readonly folder: string }) | undefined;
  const now = () => {
    if (made === undefined) throw new Error('only within a test');
    return made;
  };
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postern-subjects-'));
    writeFileSync(join(folder, 'image'), 'an image');
    made = { namespace: await Namespace.create(), image: openSync(join(folder, 'image'), 'r'), folder };
  });
  afterAll(async () => {
    const { namespace, image, folder } = now();
    native.close(image);
    await namespace.end();
    rmSync(folder, { recursive: true });
  });
  return {
    get namespace() {
      return now().namespace;
    },
    get image() {
      return now().image;
    },
  };
}
