/** Puts the gateway together: what hears strangers, what follows requests, and what siblings reach. */
import type { Clock } from '../../mesh/clock.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Running } from '../../mesh/service.ts';
import { native } from '../../native/index.ts';
import { descriptions } from '../../varlink/generated/index.ts';
import type { Usage } from '../../varlink/generated/io.postern.Gateway.ts';
import { ruleFor } from './authorise.ts';
import type { GatewayConfig } from './config.ts';
import type { House } from './connection.ts';
import { type CensusBook, gatewayHandlers } from './handlers.ts';
import { Ledger } from './limits.ts';
import { addControlGroup } from './methods/add-control-group.ts';
import { addMount } from './methods/add-mount.ts';
import { addNetwork } from './methods/add-network.ts';
import { allocateUserRange } from './methods/allocate-user-range.ts';
import { getStatus } from './methods/get-status.ts';
import { makeDirectory } from './methods/make-directory.ts';
import type { Served } from './methods/method.ts';
import { mountDirectory } from './methods/mount-directory.ts';
import { mountImage } from './methods/mount-image.ts';
import { prepare } from './methods/prepare.ts';
import { registerUserNamespace } from './methods/register-user-namespace.ts';
import { getInfo, getInterfaceDescription } from './methods/service-info.ts';
import type { HostNamespace } from './methods/target.ts';
import { getGroupRecord, getMemberships, getUserRecord } from './methods/user-database.ts';
import { Requests } from './requests.ts';
import { Server } from './server.ts';
import { Turns } from './turns.ts';
import { UnreadWatch } from './unread.ts';

/** Interfaces that are served besides Postern's own. No product has any: this is how a test build differs from it. */
export interface Addition {
  /** the text of each, by its name */
  readonly descriptions: Readonly<Record<string, string>>;
  readonly methods: readonly Served[];
}

const none: Addition = { descriptions: {}, methods: [] };

/** Everything but the process around it, so that tests run it in theirs. */
export function startGateway(
  mesh: Mesh<'gateway'>,
  { limits, deadlines, version, reportsFor, ...rules }: GatewayConfig,
  clock: Clock,
  addition: Addition = none,
): Running<'gateway'> {
  const ledger = new Ledger(limits);
  const turns = new Turns(limits.requests_per_user, limits.requests);
  const book: CensusBook = { latest: [] };

  const usage = (): Usage => ({
    users: ledger.accounts,
    connections: server.connections,
    requests: turns.running,
    waiting: turns.waiting,
    succeeded: requests.ended.done,
    failed: requests.ended.failed + requests.ended.timedOut,
    cancelled: requests.ended.cancelled,
  });
  const report = () => ({ ...usage(), timedOut: requests.ended.timedOut, turnedAway: server.turnedAway });
  const host = hostNamespace();
  const described = new Map(Object.entries({ ...descriptions, ...addition.descriptions }));
  const methods: Served[] = [
    getInfo(version, [...described.keys()].sort()),
    getInterfaceDescription(described),
    allocateUserRange,
    registerUserNamespace,
    addMount,
    addNetwork,
    addControlGroup,
    mountImage(host),
    mountDirectory(host),
    makeDirectory,
    prepare,
    getUserRecord,
    getGroupRecord,
    getMemberships,
    getStatus({
      version,
      generation: mesh.generation,
      clock,
      reportsFor,
      patience: deadlines.status,
      usage,
      census: () => book.latest,
      report,
    }),
    ...addition.methods,
  ];
  const requests = new Requests(mesh, clock, deadlines, methods, (method) => ruleFor(method, rules));
  const house: House = {
    requests,
    ledger,
    turns,
    unread: new UnreadWatch(clock),
    clock,
    calls_per_connection: limits.calls_per_connection,
    silence: deadlines.silence,
  };
  const server = new Server(house, mesh.log);
  return { handlers: gatewayHandlers(server, requests, book), status: report, stop: () => server.close() };
}

/** Asked once, before the root is emptied. */
function hostNamespace(): HostNamespace {
  const own = native.ownUserNamespace();
  try {
    const { device, inode } = native.describe(own);
    return { device, inode };
  } finally {
    native.close(own);
  }
}
