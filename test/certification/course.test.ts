/** The course that a client is certified by: whoever takes it gets to its end, and whoever leaves it is told how. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../mesh/clock.ts';
import { generate } from '../../varlink/generate.ts';
import { parse } from '../../varlink/idl/parse.ts';
import { Shape } from '../../varlink/method/shape.ts';
import { type Client, startTestGateway, type TestGateway } from '../gateway/harness.ts';
import { course, type StepName } from './course.ts';
import { descriptions } from './generated/index.ts';
import { certification } from './methods.ts';

const name = 'org.varlink.certification';
const declared = parse(descriptions[name]);

let gateway: TestGateway;
let client: Client;

beforeEach(async () => {
  gateway = await startTestGateway({}, systemClock, certification());
  client = gateway.client();
});
afterEach(() => gateway.close());

async function begin(): Promise<string> {
  const got = await client.call(`${name}.Start`);
  if (got === 'end' || typeof got.parameters.client_id !== 'string') throw new Error('no client id');
  return got.parameters.client_id;
}

/** Takes the course as far as a step, which is due then. */
async function beginUpTo(step: StepName): Promise<string> {
  const id = await begin();
  for (const { name: passed, wish, wants, replies } of course.slice(1)) {
    if (passed === step) break;
    client.send(`${name}.${passed}`, { client_id: id, ...wants }, [], wish);
    if (wish !== 'oneway') for (const parameters of replies) expect(await client.next()).toMatchObject({ error: null, parameters });
  }
  return id;
}

const wrong: readonly (readonly [StepName, object])[] = [
  ['Test02', { bool: false }],
  ['Test03', { int: 2 }],
  ['Test04', { float: 1.5 }],
  ['Test05', { string: 'pong' }],
  ['Test06', { bool: false, int: 2, float: 3.14, string: 'a lot of string' }],
  ['Test07', { struct: { bool: false, int: 3, float: Math.PI, string: 'a lot of string' } }],
  ['Test08', { map: { foo: 'Foo' } }],
  ['Test09', { set: { one: {}, two: {} } }],
  ['Test10', { nullable: 'not null' }],
  ['Test11', { last_more_replies: ['Reply number 1'] }],
];

describe.each(course.slice(1))('$name', ({ name: step, wish, wants, replies }) => {
  it('takes what the one before it gave, and is done once', async () => {
    const id = await beginUpTo(step);
    client.send(`${name}.${step}`, { client_id: id, ...wants }, [], wish);
    if (wish !== 'oneway') {
      for (const [index, parameters] of replies.entries()) {
        expect(await client.next()).toMatchObject({ error: null, parameters, continues: index < replies.length - 1 });
      }
    }
    client.send(`${name}.${step}`, { client_id: id, ...wants }, [], wish === 'oneway' ? 'one' : wish);
    expect((await client.error()).error).toBe(`${name}.${step === 'End' ? 'ClientIdError' : 'CertificationError'}`);
  });
});

describe.each(wrong)('%s with another value', (step, parameters) => {
  it('is told what was due and what came, and the client has to begin anew', async () => {
    const id = await beginUpTo(step);
    const due = course.find((each) => each.name === step);
    const sent = { client_id: id, ...(step === 'Test10' ? mytype(parameters) : parameters) };
    client.send(`${name}.${step}`, sent, [], due?.wish === 'more' ? 'more' : 'one');
    const got = await client.next();
    const flag = due?.wish === 'one' ? {} : { [due?.wish ?? '']: true };
    expect(got).toMatchObject({
      error: `${name}.CertificationError`,
      parameters: {
        wants: { method: `${name}.${step}`, parameters: { client_id: id, ...due?.wants }, ...flag },
        got: { method: `${name}.${step}`, parameters: sent },
      },
    });
    client.send(`${name}.${step}`, { client_id: id, ...due?.wants }, [], due?.wish === 'more' ? 'more' : 'one');
    expect((await client.error()).error).toBe(`${name}.ClientIdError`);
  });
});

/** Test10's own parameters, with a field of theirs changed. */
function mytype(changed: object): object {
  const { wants } = course.find((each) => each.name === 'Test10') ?? { wants: {} };
  return 'mytype' in wants && typeof wants.mytype === 'object' ? { mytype: { ...wants.mytype, ...changed } } : {};
}

it('a value of another type is a wrong parameter', async () => {
  const id = await beginUpTo('Test02');
  client.send(`${name}.Test02`, { client_id: id, bool: 'true' });
  expect(await client.error()).toMatchObject({ error: 'org.varlink.service.InvalidParameter', parameter: 'bool' });
});

it('a number that came as text is not what was due', async () => {
  const id = await beginUpTo('Test03');
  client.send(`${name}.Test03`, { client_id: id, int: '1' });
  expect((await client.error()).error).toBe(`${name}.CertificationError`);
});

it('a method that is not next is told which one is', async () => {
  const id = await beginUpTo('Test03');
  client.send(`${name}.Test05`, { client_id: id, string: 'ping' });
  expect(await client.next()).toMatchObject({
    error: `${name}.CertificationError`,
    parameters: { wants: { method: `${name}.Test03` }, got: { method: `${name}.Test05` } },
  });
});

it('an id that nobody was given is refused', async () => {
  client.send(`${name}.Test01`, { client_id: 'nobody' });
  expect((await client.error()).error).toBe(`${name}.ClientIdError`);
});

it('Test10 needs `more`', async () => {
  const id = await beginUpTo('Test10');
  client.send(`${name}.Test10`, { client_id: id, ...course[10]?.wants });
  expect((await client.error()).error).toBe('org.varlink.service.ExpectedMore');
});

it('Test11 needs `oneway`', async () => {
  const id = await beginUpTo('Test11');
  client.send(`${name}.Test11`, { client_id: id, ...course[11]?.wants });
  expect((await client.error()).error).toBe(`${name}.CertificationError`);
});

it('a null and a field that is left out are the same', async () => {
  const id = await beginUpTo('Test10');
  client.send(`${name}.Test10`, { client_id: id, ...mytype({ nullable: null, nullable_array_struct: null }) }, [], 'more');
  expect(await client.next()).toMatchObject({ error: null, continues: true });
});

it('what is generated is of the interface file', () => {
  const here = dirname(fileURLToPath(import.meta.url));
  const texts = readdirSync(join(here, 'interfaces')).map((file) => readFileSync(join(here, 'interfaces', file), 'utf8'));
  const expected = generate(texts, 'test/certification/interfaces');
  for (const [file, content] of expected) expect(readFileSync(join(here, 'generated', file), 'utf8'), file).toBe(content);
});

it('replies are what the interface declares', () => {
  for (const { name: step, replies } of course.slice(1)) {
    const member = declared.members.find((each) => each.kind === 'method' && each.name === step);
    if (member?.kind !== 'method') throw new Error(`${step} is not declared`);
    const shape = new Shape(declared, member.output, 'refuse');
    for (const reply of replies) expect(shape.fault(structuredClone(reply)), step).toBe(null);
  }
});

it('a thousand clients that never end leave room for one more', async () => {
  const first = await begin();
  for (let i = 0; i < 1000; i += 1) await begin();
  client.send(`${name}.Test01`, { client_id: first });
  expect((await client.error()).error).toBe(`${name}.ClientIdError`);
  expect(await client.call(`${name}.Test01`, { client_id: await begin() })).toMatchObject({ parameters: { bool: true } });
});
