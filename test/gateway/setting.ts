/** What the tests of a method need: a gateway, a client and a namespace, anew for each, and none of it left afterwards. */
import { openSync } from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
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
