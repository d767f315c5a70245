/** What loading and feeding a BPF policy needs. */
import type { Privileges } from '../../mesh/privileges.ts';

export const privileges: Privileges = {
  service: 'lsm',
  user: 'root',
  capabilities: [
    { capability: 'BPF', why: 'BPF_PROG_LOAD and maps' },
    { capability: 'PERFMON', why: 'LSM and tracing programs read kernel structures' },
  ],
  view: [
    { source: '/sys/fs/bpf', access: 'read-write', optional: true, why: 'pins: enforcement outlives this process' },
    { source: '/sys/kernel/btf', access: 'read-only', optional: true, why: 'which hooks and structures this kernel has' },
  ],
  systemCalls: [{ names: ['bpf'], why: 'programs, maps and links' }],
  why: 'loads the policy, feeds it, and hears from it that a namespace ended',
};
