/** `varlinkctl` about a service: who it is, what it has, and whether its interface files are sound. */
import { mounts, namespaces } from '../ask.ts';
import { better, type Case, type Expectation } from '../case.ts';
import { program } from '../program.ts';

const group = 'Introspection';

/** An interface file by what it declares: sorted, without comments, which are everyone's own. */
function declarations(text: string): string {
  const bare = text.replace(/#.*$/gm, '').replace(/\s+/g, ' ');
  const members = bare.split(/ (?=(?:method|type|error) )/).map((member) => member.replace(/\s*([(),:?]|->)\s*/g, '$1').trim());
  // the order of fields and of members is the author's
  return members
    .map((member) => member.replace(/\(([^()]*)\)/g, (_, fields: string) => `(${fields.split(',').sort().join()})`))
    .sort()
    .join('\n');
}

const ourOwn = better('Postern names itself, and has interfaces of its own besides', /Postern|io\.postern\./);

const richer = {
  sid: better('every error has two fields more: a stable code and a sentence', /reason:\?string/),
  trixie: better('the newest shapes, and every error has two fields more: a stable code and a sentence', /reason:\?string/),
};

const moreMethods = { trixie: better('systemd 257 mounts no directories', /MountDirectory/) };

/** @param options of the list of methods */
function about(socket: string, name: string, options: Expectation = {}): Case[] {
  const at = name.replace('io.systemd.', '');
  const ask = (words: readonly string[], called: string, options = {}) => program(group, () => ['varlinkctl', ...words], called, options);
  const both = (verb: string, of: readonly string[], options = {}) => [
    ask([verb, socket, ...of], `varlinkctl ${verb} (${at})`, options),
    ask(['--json=short', verb, socket, ...of], `varlinkctl --json=short ${verb} (${at})`, options),
  ];
  const check = 'varlinkctl introspect "$0" "$1" >"/tmp/$1" && varlinkctl validate-idl "/tmp/$1"';
  return [
    ...both('info', [], { verdict: ourOwn }),
    ...both('list-interfaces', [], { verdict: ourOwn }),
    ...both('list-methods', [name], options),
    ask(['introspect', socket, name], `varlinkctl introspect ${name}`, {
      tidy: declarations,
      verdict: richer,
    }),
    ask(['--json=short', 'introspect', socket, name], `varlinkctl --json=short introspect ${name}`, {
      tidy: (text: string) => text.slice(0, 1),
    }),
    program(group, () => ['sh', '-c', check, socket, name], `varlinkctl validate-idl of ${name}`, {
      tidy: () => '',
    }),
  ];
}

export const introspection: readonly Case[] = [
  ...about(namespaces, 'io.systemd.NamespaceResource'),
  ...about(mounts, 'io.systemd.MountFileSystem', { verdict: moreMethods }),
  program(
    group,
    () => ['varlinkctl', 'introspect', namespaces, 'io.systemd.UserDatabase'],
    'varlinkctl introspect io.systemd.UserDatabase',
    {
      tidy: declarations,
      verdict: richer,
    },
  ),
  program(group, () => ['varlinkctl', 'introspect', mounts, 'no.such.interface'], 'varlinkctl introspect no.such.interface'),
  program(group, () => ['varlinkctl', 'call', mounts, 'io.systemd.MountFileSystem.NoSuchMethod', '{}'], 'varlinkctl call of no method'),
];
