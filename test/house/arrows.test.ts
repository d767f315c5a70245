/** The arrows of the house: who may import whom. ARCHITECTURE.md draws the same picture. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const rooms = ['native', 'mesh', 'image', 'varlink', 'client', 'services', 'bin'] as const;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return ['node_modules', 'build'].includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...found].flatMap(([, target]) => (target === undefined ? [] : [target]));
}

/** Imports of other files of the project, as paths from its root. */
function neighbours(file: string): string[] {
  return imports(file)
    .filter((target) => target.startsWith('.'))
    .map((target) => relative(root, resolve(root, dirname(file), target)));
}

/** The room a path lies in; each service is a room of its own. */
function room(path: string): string {
  const [first, second] = path.split('/');
  return first === 'services' && second !== undefined ? `services/${second}` : (first ?? '');
}

/** What each room may import besides itself. A service that is not named imports what `service` may. */
const service = ['mesh', 'native', 'image'];
/** The catalogue of errors imports nothing and every room speaks it, the pure ones too. */
const everyones = ['mesh/errors.ts'];
const allowed: Record<string, readonly string[]> = {
  native: [],
  mesh: ['native'],
  image: [],
  varlink: [],
  client: ['varlink', 'native', 'mesh'],
  'services/gateway': [...service, 'varlink'],
};

describe('arrows between the rooms', () => {
  for (const folder of rooms.filter((name) => name !== 'bin')) {
    it(`${folder} imports only what it may`, () => {
      const wrong = sources(folder).flatMap((file) => {
        const from = room(file);
        const may = [from, ...(allowed[from] ?? service)];
        return neighbours(file)
          .filter((target) => !may.includes(room(target)) && !everyones.includes(target))
          .map((target) => `${file} → ${target}`);
      });
      expect(wrong).toEqual([]);
    });
  }

  it('the command line knows services only by their privileges and configuration', () => {
    const wrong = sources('bin').flatMap((file) =>
      neighbours(file)
        .filter((target) => target.startsWith('services/') && !/\/(privileges|config)\.ts$/.test(target))
        .map((target) => `${file} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('pure rooms', () => {
  for (const folder of ['image', 'varlink']) {
    it(`${folder} touches neither files nor the kernel`, () => {
      const wrong = sources(folder)
        .filter((file) => !file.endsWith('varlink/generate.ts'))
        .flatMap((file) =>
          imports(file)
            .filter((target) => /^node:(fs|child_process|net|os)/.test(target))
            .map((target) => `${file} → ${target}`),
        );
      expect(wrong).toEqual([]);
    });
  }
});

describe('every service shows the same faces', () => {
  for (const name of ['gateway', 'allocator', 'verity', 'mounter', 'lsm', 'network', 'polkit']) {
    it(`${name} has main, handlers, machine, privileges and config`, () => {
      const faces = readdirSync(join(root, 'services', name));
      expect(faces).toEqual(expect.arrayContaining(['main.ts', 'handlers.ts', 'machine.ts', 'privileges.ts', 'config.ts']));
    });
  }
});
