/** Serves the certification course: a gateway that has these methods besides its own is the test build. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { PosternError } from '../../mesh/errors.ts';
import { Refusal } from '../../services/gateway/errors.ts';
import type { Addition } from '../../services/gateway/gateway.ts';
import type { Served } from '../../services/gateway/methods/method.ts';
import type { Request } from '../../services/gateway/request.ts';
import type { MethodMember } from '../../varlink/idl/ast.ts';
import { parse } from '../../varlink/idl/parse.ts';
import { isObject, Shape } from '../../varlink/method/shape.ts';
import { course, type Step } from './course.ts';
import { descriptions } from './generated/index.ts';

const name = 'org.varlink.certification';
const declared = parse(descriptions[name]);

/** Clients that began and never ended: the oldest make room. */
const maxClients = 1000;

/** What came of each client so far: the place in the course that it has to take next. */
class Clients {
  readonly #next = new Map<string, number>();

  begin(): string {
    const [oldest] = this.#next.keys();
    if (this.#next.size >= maxClients && oldest !== undefined) this.#next.delete(oldest);
    const id = randomBytes(16).toString('hex');
    this.#next.set(id, 1);
    return id;
  }

  /** Where a client is. It has to begin anew unless it goes on from there. */
  take(id: string): number {
    const next = this.#next.get(id);
    if (next === undefined) throw new Refusal({ name: `${name}.ClientIdError`, parameters: {} });
    this.#next.delete(id);
    return next;
  }

  goOn(id: string, next: number): void {
    if (next < course.length) this.#next.set(id, next);
  }
}

/** As it came, or would come, over the wire. */
function message(step: Step, parameters: object, wish: Request['wish']): object {
  return { method: `${name}.${step.name}`, parameters, ...(wish === 'one' ? {} : { [wish]: true }) };
}

/** A nullable that is null and one that is left out are the same. */
function withoutNulls(parameters: Record<string, unknown>): object {
  const fields = Object.entries(parameters).filter(([, value]) => value !== null);
  return Object.fromEntries(fields.map(([key, value]) => [key, key === 'mytype' && isObject(value) ? withoutNulls(value) : value]));
}

function serveStep(step: Step, place: number, member: MethodMember, clients: Clients): Served {
  const shape = new Shape<object>(declared, member.input, 'refuse');
  const begin: Served['begin'] = (parameters, request) => {
    const came = structuredClone(parameters);
    if (!shape.fits(parameters)) throw new PosternError('INVALID_PARAMETER', '', shape.fault(parameters) ?? '');
    const { client_id: given } = came;
    const id = typeof given === 'string' ? given : clients.begin();
    const known = typeof given === 'string' ? { client_id: id } : {};
    const due = course[typeof given === 'string' ? clients.take(id) : place];
    if (due === undefined) throw new Error('a client beyond the end of the course');
    if (step.wish === 'more' && request.wish !== 'more') throw new Refusal({ name: 'org.varlink.service.ExpectedMore', parameters: {} });
    const wants = message(due, { ...known, ...due.wants }, due.wish);
    const got = message(step, withoutNulls(came), request.wish);
    if (!isDeepStrictEqual(got, wants)) throw new Refusal({ name: `${name}.CertificationError`, parameters: { wants, got } });
    clients.goOn(id, place + 1);
    request.authorised();
    for (const reply of step.replies.slice(0, -1)) request.progress(reply);
    request.reply({ ...(place === 0 ? { client_id: id } : {}), ...step.replies.at(-1) });
    return {};
  };
  return { name: `${name}.${step.name}`, deadline: 'request', begin };
}

/** What makes a gateway the test build; each has clients of its own. */
export function certification(): Addition {
  const clients = new Clients();
  const members = new Map(declared.members.flatMap((member) => (member.kind === 'method' ? [[member.name, member] as const] : [])));
  const methods = course.map((step, place) => {
    const member = members.get(step.name);
    if (member === undefined) throw new Error(`${step.name} is not declared`);
    return serveStep(step, place, member, clients);
  });
  return { descriptions, methods };
}
