/** The certification course: what each step is called with, besides the client's id, and what it replies. Pure. */
import type { Methods } from './generated/index.ts';

/** The last part of a method's name. */
export type StepName = keyof Methods extends `${string}.certification.${infer Step}` ? Step : never;

type Replies = { readonly [S in StepName as `org.varlink.certification.${S}`]: Methods[`org.varlink.certification.${S}`]['reply'] };

export interface Step {
  readonly name: StepName;
  readonly wish: 'one' | 'more' | 'oneway';
  readonly wants: object;
  /** the replies, the last of which ends the call; Start adds the client's id to its own */
  readonly replies: readonly object[];
}

/** Holds a reply to what the interface declares. */
const reply = <S extends Exclude<StepName, 'Start'>>(_step: S, parameters: Replies[`org.varlink.certification.${S}`]) => parameters;

const one = reply('Test01', { bool: true });
const two = reply('Test02', { int: 1 });
const three = reply('Test03', { float: 1.0 });
const four = reply('Test04', { string: 'ping' });
const five = reply('Test05', { bool: false, int: 2, float: Math.PI, string: 'a lot of string' });
const six = reply('Test06', { struct: five });
const seven = reply('Test07', { map: { foo: 'Foo', bar: 'Bar' } });
const eight = reply('Test08', { set: { one: {}, two: {}, three: {} } });
const nine = reply('Test09', {
  mytype: {
    object: { method: 'org.varlink.certification.Test09', parameters: { map: { foo: 'Foo', bar: 'Bar' } } },
    enum: 'two',
    struct: { first: 1, second: '2' },
    array: ['one', 'two', 'three'],
    dictionary: { foo: 'Foo', bar: 'Bar' },
    stringset: { one: {}, two: {}, three: {} },
    interface: {
      foo: [null, { foo: 'foo', bar: 'bar' }, null, { one: 'foo', two: 'bar' }],
      anon: { foo: true, bar: false },
    },
  },
});
const ten = Array.from({ length: 10 }, (_, index) => reply('Test10', { string: `Reply number ${index + 1}` }));

/** In the order in which a client has to take them. */
export const course: readonly Step[] = [
  { name: 'Start', wish: 'one', wants: {}, replies: [{}] },
  { name: 'Test01', wish: 'one', wants: {}, replies: [one] },
  { name: 'Test02', wish: 'one', wants: one, replies: [two] },
  { name: 'Test03', wish: 'one', wants: two, replies: [three] },
  { name: 'Test04', wish: 'one', wants: three, replies: [four] },
  { name: 'Test05', wish: 'one', wants: four, replies: [five] },
  { name: 'Test06', wish: 'one', wants: five, replies: [six] },
  { name: 'Test07', wish: 'one', wants: six, replies: [seven] },
  { name: 'Test08', wish: 'one', wants: seven, replies: [eight] },
  { name: 'Test09', wish: 'one', wants: eight, replies: [nine] },
  { name: 'Test10', wish: 'more', wants: nine, replies: ten },
  { name: 'Test11', wish: 'oneway', wants: { last_more_replies: ten.map(({ string }) => string) }, replies: [reply('Test11', {})] },
  { name: 'End', wish: 'one', wants: {}, replies: [reply('End', { all_ok: true })] },
];
