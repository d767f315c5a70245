/** io.systemd.UserDatabase as stock clients ask it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, openDescriptors, startTestGateway, type TestGateway } from './harness.ts';

const user = 'io.systemd.UserDatabase.GetUserRecord';
const group = 'io.systemd.UserDatabase.GetGroupRecord';
const memberships = 'io.systemd.UserDatabase.GetMemberships';
const service = 'io.systemd.NamespaceResource';
const error = (name: string) => `io.systemd.UserDatabase.${name}`;

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

/** A call, with what the allocator was asked and what it finds. */
async function found(method: string, parameters: object, unit: 1 | 65536 = 65536) {
  const answer = client.call(method, { ...parameters, service });
  const { payload, to } = await gateway.siblings.expect('record.find');
  expect(to).toBe('allocator');
  const { request, ...asked } = payload;
  await gateway.siblings.deliver('allocator', 'record.found', { request, name: 'web', offset: 7, id: 524295, unit });
  return { asked, answer: await answer };
}

describe('a user', () => {
  it('is found by its ID', async () => {
    const { asked, answer } = await found(user, { uid: 524295 });
    expect(asked).toEqual({ id: 524295, name: null });
    expect(answer).toMatchObject({
      error: null,
      parameters: {
        record: {
          userName: 'ns-web-7',
          uid: 524295,
          gid: 65534,
          realName: 'User 7 of namespace web',
          homeDirectory: '/',
          shell: '/usr/sbin/nologin',
          locked: true,
          service,
          disposition: 'container',
        },
      },
    });
  });

  it('is found by its name, or both', async () => {
    expect((await found(user, { userName: 'ns-web-7' })).asked).toEqual({ id: null, name: 'ns-web-7' });
    expect((await found(user, { uid: '524295', userName: 'ns-web-7' })).asked).toEqual({ id: 524295, name: 'ns-web-7' });
  });

  it('of a single ID is a dynamic one', async () => {
    expect((await found(user, { uid: 524295 }, 1)).answer).toMatchObject({ parameters: { record: { disposition: 'dynamic' } } });
  });
});

it('a group is found likewise', async () => {
  const { asked, answer } = await found(group, { gid: 524295, groupName: null });
  expect(asked).toEqual({ id: 524295, name: null });
  expect(answer).toMatchObject({
    parameters: {
      record: { groupName: 'ns-web-7', gid: 524295, description: 'Group 7 of namespace web', service, disposition: 'container' },
    },
  });
});

describe('refused, and nobody is asked, is', () => {
  for (const [what, method, parameters, expected] of [
    ['another database', user, { uid: 1, service: 'io.systemd.Machine' }, { error: error('BadService') }],
    ['another database of groups', group, { gid: 1, service: '' }, { error: error('BadService') }],
    ['another database of memberships', memberships, { service: 'x' }, { error: error('BadService') }],
    ['a list of users', user, { service }, { error: error('EnumerationNotSupported') }],
    ['a list of groups', group, { gid: null, service }, { error: error('EnumerationNotSupported') }],
    ['any membership', memberships, { userName: 'ns-web-7', service }, { error: error('NoRecordFound') }],
    ['a name that none of ours can be', user, { userName: 'postgres', service }, { error: error('NoRecordFound') }],
    ['a name of any length', user, { userName: 'n'.repeat(100_000), service }, { error: error('NoRecordFound') }],
    ['no name', user, { userName: '', service }, { parameter: 'userName' }],
    ['a number as a name', group, { groupName: '4711', service }, { parameter: 'groupName' }],
    ['a name with a colon', user, { userName: 'ns:web', service }, { parameter: 'userName' }],
    ['a name that is a path', group, { groupName: '../web', service }, { parameter: 'groupName' }],
    ['a name that ends with a space', user, { userName: 'web ', service }, { parameter: 'userName' }],
    ['a name of two lines', user, { userName: 'web\n0', service }, { parameter: 'userName' }],
    ['an ID that none is', user, { uid: -1, service }, { parameter: 'uid' }],
    ['the ID that means none', group, { gid: 0xffff_ffff, service }, { parameter: 'gid' }],
    ['a part of a name', user, { fuzzyNames: ['w'], service }, { parameter: 'fuzzyNames' }],
    ['a kind', group, { dispositionMask: ['container'], service }, { parameter: 'dispositionMask' }],
    ['a smallest ID', user, { uidMin: 5, service }, { parameter: 'uidMin' }],
    ['an identifier', user, { uuid: 'x', service }, { parameter: 'uuid' }],
  ] as const) {
    it(what, async () => {
      client.send(method, parameters);
      expect(await client.error()).toMatchObject(expected);
      expect(gateway.siblings.sent()).toEqual([]);
    });
  }

  it('the same with `more`, in one reply', async () => {
    client.send(memberships, { service }, [], 'more');
    expect(await client.next()).toMatchObject({ error: error('NoRecordFound'), continues: false });
  });
});

it('an ID that nobody holds has no record', async () => {
  client.send(user, { uid: 4711, service });
  const { payload } = await gateway.siblings.expect('record.find');
  await gateway.siblings.deliver('allocator', 'request.failed', {
    request: payload.request,
    code: 'RECORD_NOT_FOUND',
    detail: '',
    parameter: null,
  });
  expect(await client.error()).toMatchObject({ error: error('NoRecordFound'), reason: 'RECORD_NOT_FOUND' });
});
