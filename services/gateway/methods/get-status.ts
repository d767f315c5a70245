/** io.postern.Gateway.GetStatus: what the parent knows of every process, what each tells of itself, and the gateway's own numbers. */
import type { Clock } from '../../../mesh/clock.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { services as all, type Census, type ServiceName } from '../../../mesh/protocol.ts';
import type { Usage } from '../../../varlink/generated/io.postern.Gateway.ts';
import { authorise, mayKnowReports } from '../authorise.ts';
import type { GatewayConfig } from '../config.ts';
import type { Request } from '../request.ts';
import { type Served, serve } from './method.ts';

const name = 'io.postern.Gateway.GetStatus';

export interface StatusSources {
  readonly version: string;
  readonly generation: number;
  readonly clock: Clock;
  readonly reportsFor: GatewayConfig['reportsFor'];
  /** milliseconds to wait for reports */
  readonly patience: number;
  usage(): Usage;
  /** as the parent last told; empty before it has */
  census(): Census;
  /** the gateway's own report, as its siblings make theirs */
  report(): Record<string, unknown>;
}

/** Who reports in time is in the answer with a report, everyone else without: a service that hangs must not hide how the others are. */
export function getStatus(sources: StatusSources): Served {
  return serve(name, 'request', (_parameters, request) => {
    authorise({ method: name, peer: request.client.peer });
    request.authorised();
    const { version, generation } = sources;
    const known = () => ({ version, generation, gateway: sources.usage() });
    if (!mayKnowReports(request.client.peer, sources.reportsFor)) {
      const services = sources.census().map(({ name: service, state, restarts }) => ({ name: service, state, restarts }));
      request.answer(name, { ...known(), services, incomplete: true });
      return {};
    }
    const reports = new Map<string, Record<string, unknown>>([['gateway', sources.report()]]);
    const answer = () => {
      timer.cancel();
      const services = sources.census().map((entry) => ({ ...entry, report: reports.get(entry.name) ?? null }));
      request.answer(name, { ...known(), services, incomplete: false });
    };
    const timer = sources.clock.after(sources.patience, answer);
    const asked = new Set<string>(running(sources.census()).filter((stage) => ask(request, stage)));
    if (asked.size === 0) answer();
    return {
      'status.tell'({ report }, _descriptors, from) {
        reports.set(from, report);
        asked.delete(from);
        if (asked.size === 0) answer();
      },
    };
  });
}

function running(census: Census): ServiceName[] {
  return all.filter((service) => service !== 'gateway' && census.some(({ name: known, state }) => known === service && state === 'ready'));
}

function ask(request: Request, stage: ServiceName): boolean {
  try {
    request.ask(stage, 'status.ask', { request: request.id });
    return true;
  } catch (error) {
    if (error instanceof PosternError) return false;
    throw error;
  }
}
