/** What hearing strangers needs: no file, no capability, and after the start no way to open anything. */
import type { Privileges } from '../../mesh/privileges.ts';

export const privileges: Privileges = {
  service: 'gateway',
  user: 'gateway',
  capabilities: [],
  view: [
    {
      source: '/proc',
      access: 'proc',
      why: 'which user namespace the host runs in, asked once; the whole root is emptied after the start',
    },
  ],
  systemCalls: [
    { names: ['accept4'], why: 'clients' },
    { names: ['pidfd_open'], why: 'which process a client is, on kernels before 6.5' },
    { names: ['recvfrom'], why: 'to look at a message before taking it (MSG_PEEK)' },
  ],
  emptyRoot: true,
  why: 'the only process that hears strangers: it holds nothing that is worth taking it over for',
};
