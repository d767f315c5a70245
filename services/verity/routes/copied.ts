/**
 * The copied image: nobody signed it and it lies anywhere, but somebody who may decide that has let it in. What was looked at then must be what is
 * mounted, so that it is a copy that nobody else can write, for reading only, and no set-user-ID file of it counts.
 */
import type { PrivateCopies } from '../private-copy.ts';
import type { Route } from './route.ts';

export function copiedRoute(copies: PrivateCopies): Route {
  return {
    name: 'copied',
    use: () => 'unprotected',
    async admit({ fileSystem: { offset, size }, source, uid }, waiter) {
      const { descriptor, fileSystem } = await copies.make({ image: source, offset, size, uid }, waiter);
      return {
        fileSystem,
        descriptors: [descriptor],
        source: (first) => ({ kind: 'file', descriptor: first }),
        keepsSetuid: false,
        writable: false,
        signer: null,
        cached: false,
      };
    },
  };
}
