/** The user database as `nss-systemd` asks it. */
import { ask, users } from '../ask.ts';
import { better, type Case, type Expectation } from '../case.ts';
import { HeldNamespace } from '../namespaces.ts';
import { answered } from '../outcome.ts';

const service = 'io.systemd.NamespaceResource';

/** A call while the namespace `nm` of the user's holds a range. */
function look(
  name: string,
  method: string,
  parameters: (base: number) => object,
  options: Expectation & { readonly more?: boolean } = {},
): Case {
  const { more, ...expectation } = options;
  return {
    group: 'User database',
    name,
    ...expectation,
    async run() {
      await using namespace = await HeldNamespace.make();
      await namespace.allocate('nm');
      const sent = { service, ...parameters(namespace.base) };
      return answered(
        await ask({ socket: users, method: `io.systemd.UserDatabase.${method}`, parameters: sent, flags: more === true ? { more } : {} }),
      );
    },
  };
}

const described = { verdict: better('the same record, described in words of its own', /of namespace 1000-nm/) };

export const database: readonly Case[] = [
  look('GetUserRecord by number', 'GetUserRecord', (base) => ({ uid: base + 5 }), described),
  look('GetUserRecord by name', 'GetUserRecord', () => ({ userName: 'ns-1000-nm-5' }), described),
  look('GetUserRecord by both', 'GetUserRecord', (base) => ({ uid: base, userName: 'ns-1000-nm-0' }), described),
  look('GetUserRecord by both, which do not match', 'GetUserRecord', (base) => ({ uid: base + 1, userName: 'ns-1000-nm-0' })),
  look('GetUserRecord beyond the range', 'GetUserRecord', () => ({ userName: 'ns-1000-nm-65536' })),
  look('GetUserRecord of nobody', 'GetUserRecord', () => ({ uid: 4711 })),
  look('GetUserRecord of a free range', 'GetUserRecord', (base) => ({ uid: base + 65536 * 3 })),
  look('GetUserRecord of all', 'GetUserRecord', () => ({}), { more: true }),
  look('GetUserRecord of another service', 'GetUserRecord', (base) => ({ uid: base, service: 'io.systemd.Other' })),
  look('GetUserRecord with a field of enumerations', 'GetUserRecord', (base) => ({ uid: base, uidMin: 1 })),
  look('GetGroupRecord by number', 'GetGroupRecord', (base) => ({ gid: base + 5 }), described),
  look('GetGroupRecord by name', 'GetGroupRecord', () => ({ groupName: 'ns-1000-nm-0' }), described),
  look('GetGroupRecord of nobody', 'GetGroupRecord', () => ({ groupName: 'ns-other-0' })),
  look('GetGroupRecord of all', 'GetGroupRecord', () => ({}), { more: true }),
  look('GetMemberships', 'GetMemberships', () => ({ userName: 'ns-1000-nm-0' }), { more: true }),
  look('GetMemberships of all', 'GetMemberships', () => ({}), { more: true }),
  look('GetMemberships of another service', 'GetMemberships', () => ({ service: 'io.systemd.Other' }), { more: true }),
];
