/** io.systemd.UserDatabase: gateway → allocator → gateway. Names for the IDs of ranges that are held, one by one. */
import { PosternError } from '../../../mesh/errors.ts';
import type { Payload } from '../../../mesh/protocol.ts';
import type { ParametersOf } from '../../../varlink/method/registry.ts';
import { authorise } from '../authorise.ts';
import type { Request } from '../request.ts';
import { type Served, serve } from './method.ts';

const userName = 'io.systemd.UserDatabase.GetUserRecord';
const groupName = 'io.systemd.UserDatabase.GetGroupRecord';
const membershipsName = 'io.systemd.UserDatabase.GetMemberships';

/** The name of the socket's link in the folder of databases, by which clients call us. */
const service = 'io.systemd.NamespaceResource';
/** 2^32-1 means "no id" to the kernel. */
const lastId = 0xffff_fffe;
/** No user of ours is in a group: this is the one that says so, everywhere. */
const nobody = 65534;
const noLogin = '/usr/sbin/nologin';

type Found = Payload<'record.found'>;

export const getUserRecord: Served = serve(userName, 'request', (parameters, request) => {
  const { uid, userName: name, service: database, ...filters } = parameters;
  find(request, { id: uid, idParameter: 'uid', name, nameParameter: 'userName', database, filters });
  return { 'record.found': (found) => request.answer(userName, { record: userRecord(found) }) };
});

export const getGroupRecord: Served = serve(groupName, 'request', (parameters, request) => {
  const { gid, groupName: name, service: database, ...filters } = parameters;
  find(request, { id: gid, idParameter: 'gid', name, nameParameter: 'groupName', database, filters });
  return { 'record.found': (found) => request.answer(groupName, { record: groupRecord(found) }) };
});

/** The users of ranges are in no groups. */
export const getMemberships: Served = serve(membershipsName, 'request', (parameters, request) => {
  checkService(parameters.service);
  authorise({ method: membershipsName, peer: request.client.peer });
  throw new PosternError('RECORD_NOT_FOUND');
});

interface Search {
  readonly id: number | null | undefined;
  readonly idParameter: 'uid' | 'gid';
  readonly name: string | null | undefined;
  readonly nameParameter: 'userName' | 'groupName';
  readonly database: string;
  /** what else the interface declares */
  readonly filters: Partial<ParametersOf<typeof userName> & ParametersOf<typeof groupName>>;
}

function find(request: Request, { id = null, idParameter, name = null, nameParameter, database, filters }: Search): void {
  refuseFilters(filters);
  if (id !== null && (id < 0 || id > lastId)) throw new PosternError('INVALID_PARAMETER', 'there is no such ID', idParameter);
  if (name !== null && noName.test(name))
    throw new PosternError('INVALID_PARAMETER', 'no user or group can have such a name', nameParameter);
  checkService(database);
  if (id === null && name === null) throw new PosternError('RECORDS_NOT_LISTED');
  if (name !== null && name.length > maxName) throw new PosternError('RECORD_NOT_FOUND');
  const method = idParameter === 'uid' ? userName : groupName;
  authorise({ method, peer: request.client.peer });
  // everybody who is looked up on this machine and not known by file is asked for here, too: no other process need hear of it
  if (id === null && name?.startsWith(ourPrefix) === false) throw new PosternError('RECORD_NOT_FOUND');
  request.authorised();
  request.pass('allocator', 'record.find', { request: request.id, id, name }, []);
}

/** What passwd(5) has no place for, a number, and what reads as a folder: systemd's daemon refuses just these, seen from versions 257 and 262. */
const noName = /^\.{0,2}$|^-?[0-9]+$|^ | $|[:/\p{Cc}]/u;

/** Each name of ours begins so. */
const ourPrefix = 'ns-';
/** Longer than any name of ours. */
const maxName = 64;

/** Stock clients ask again without them, and look at what they get themselves. */
function refuseFilters(filters: Search['filters']): void {
  const [filter] = Object.entries(filters).find(([, value]) => value !== null) ?? [];
  if (filter !== undefined) throw new PosternError('INVALID_PARAMETER', 'records are found by ID and name only', filter);
}

function checkService(given: string): void {
  if (given !== service) throw new PosternError('RECORD_SERVICE', `this is ${service}`);
}

/** https://systemd.io/USER_RECORD */
function userRecord({ name, offset, id, unit }: Found): Record<string, unknown> {
  return {
    userName: `${ourPrefix}${name}-${offset}`,
    uid: id,
    gid: nobody,
    realName: `User ${offset} of namespace ${name}`,
    homeDirectory: '/',
    shell: noLogin,
    locked: true,
    service,
    disposition: disposition(unit),
  };
}

/** https://systemd.io/GROUP_RECORD */
function groupRecord({ name, offset, id, unit }: Found): Record<string, unknown> {
  return {
    groupName: `${ourPrefix}${name}-${offset}`,
    gid: id,
    description: `Group ${offset} of namespace ${name}`,
    service,
    disposition: disposition(unit),
  };
}

function disposition(unit: Found['unit']): 'container' | 'dynamic' {
  return unit === 1 ? 'dynamic' : 'container';
}
