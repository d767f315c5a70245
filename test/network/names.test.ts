/** What interfaces are called, and the addresses that follow from it. */
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { interfaceName, networkInterface } from '../../mesh/shapes.ts';
import { interfaceNames } from '../../services/allocator/interface-names.ts';
import { isInterfaceName } from '../../services/gateway/methods/interface-name.ts';
import { addressOf } from '../../services/network/addresses.ts';

const namespaceName = fc.stringMatching(/^[A-Za-z0-9_-]{1,21}$/);
const inner = fc.option(fc.string({ minLength: 1, maxLength: 15 }).filter(isInterfaceName));
const wanted = fc.record({
  owner: fc.integer({ min: 0, max: 0xffff_fffe }),
  name: namespaceName,
  kind: fc.constantFrom('veth' as const, 'tap' as const),
  inner,
});

describe('the host’s end', () => {
  it('has a name that fits, whatever the namespace is called', () => {
    fc.assert(
      fc.property(wanted, ({ kind, inner: asked, ...holding }) => {
        const names = interfaceNames(holding, { kind, inner: asked });
        expect(names.name).toMatch(/^ns-[0-9a-f]{12}$/);
        expect(v.safeParse(networkInterface, names).success).toBe(true);
        expect(isInterfaceName(names.name)).toBe(true);
      }),
    );
  });

  it('has the same name again, and another for anything else', () => {
    const base = { owner: 1000, name: 'web', kind: 'veth', inner: null } as const;
    const nameOf = ({ kind, inner: asked, ...holding }: { owner: number; name: string; kind: 'veth' | 'tap'; inner: string | null }) =>
      interfaceNames(holding, { kind, inner: asked }).name;
    expect(nameOf(base)).toBe(nameOf({ ...base }));
    const others = [
      { ...base, owner: 1001 },
      { ...base, name: 'web2' },
      { ...base, kind: 'tap' as const },
      { ...base, inner: 'host0' },
    ];
    expect(new Set([base, ...others].map(nameOf)).size).toBe(5);
  });

  it('has a longer name that tells people whose it is', () => {
    const of = (asked: string | null) => interfaceNames({ owner: 1000, name: '1000-web' }, { kind: 'veth', inner: asked }).alternative;
    expect([of(null), of('eth1')]).toEqual(['ns-1000-1000-web', 'ns-1000-1000-web-eth1']);
  });
});

describe('a name that a caller gives', () => {
  it('is what the kernel and systemd take', () => {
    for (const good of ['host0', 'eth0', 'a', 'x'.repeat(15), 'lan.7', 'mv-1', '@!~', '0a']) expect(isInterfaceName(good), good).toBe(true);
    const bad = ['', '.', '..', 'x'.repeat(16), 'a b', 'a\tb', 'a\0', 'a/b', 'a:b', 'eth%d', '0', '1234', 'all', 'default', 'ü', 'a\u007f'];
    for (const wrong of bad) expect(isInterfaceName(wrong), wrong).toBe(false);
  });

  it('fits into the messages', () => {
    fc.assert(fc.property(fc.string({ maxLength: 20 }).filter(isInterfaceName), (name) => v.safeParse(interfaceName, name).success));
  });
});

describe('an address', () => {
  it('is one of six bytes that nobody else gives out, the same again, and another at each end', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const [host, inside] = [addressOf(name, 'host'), addressOf(name, 'inside')];
        expect(host).toHaveLength(6);
        // locally administered, and for one receiver
        for (const address of [host, inside]) expect((address[0] ?? 0) & 0x03).toBe(0x02);
        expect(host).toEqual(addressOf(name, 'host'));
        expect(host).not.toEqual(inside);
      }),
    );
  });
});
