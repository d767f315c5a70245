/** What asking polkit needs. */
import type { Privileges } from '../../mesh/privileges.ts';
import { busFolder } from './config.ts';

export const privileges: Privileges = {
  service: 'polkit',
  // polkit lets uid 0 alone ask about other users, and name details of the action (or an owner that the action's policy file names)
  user: 'root',
  capabilities: [],
  view: [
    {
      source: busFolder,
      access: 'read-only',
      create: true,
      shared: true,
      optional: true,
      why: 'the system bus; the folder rather than its socket, so that a bus that is started again, or later than we are, is found',
    },
    {
      source: '/proc',
      access: 'proc',
      why: 'when the caller started, which with its number is who it is, and what directories are called',
    },
  ],
  systemCalls: [
    { names: ['socket', 'connect', 'setsockopt'], why: 'the system bus, also after it was started again' },
    { names: ['open', 'openat', 'readlink', 'readlinkat'], why: '/proc' },
  ],
  why: 'asks polkit whether a caller may do something, where it is switched on',
};
