/**
 * The last thing before a service hears anyone: every system call that it does not need answers EPERM from then on, on every thread.
 * Here is what Node itself needs to go on running; each service's privileges.ts adds its own. Nothing here opens a path, makes a
 * socket, starts a program, traces, mounts or changes who we are.
 */
import { native } from '../native/index.ts';
import type { AllowedSystemCalls, Privileges } from './privileges.ts';

/** Found by watching locked services with strace, through start, load, garbage collection, worker threads and end. */
export const baseSystemCalls: readonly AllowedSystemCalls[] = [
  {
    names: ['read', 'readv', 'write', 'writev', 'close', 'fcntl', 'dup', 'lseek', 'fstat', 'newfstatat', 'statx', 'fstatfs', 'ioctl'],
    why: 'descriptors that are open already: use, duplicate, describe, close (the *at calls come with an empty path; with any other they only look)',
  },
  {
    names: ['sendmsg', 'recvmsg', 'shutdown', 'getsockopt', 'getsockname', 'getpeername'],
    why: 'the mesh: sockets that were given to us',
  },
  {
    names: ['epoll_create1', 'epoll_ctl', 'epoll_wait', 'epoll_pwait', 'eventfd2', 'pipe2', 'poll', 'ppoll'],
    why: "libuv's loops, those of later worker threads too",
  },
  {
    names: ['brk', 'mmap', 'munmap', 'mremap', 'mprotect', 'madvise', 'membarrier', 'pkey_alloc', 'pkey_free', 'pkey_mprotect'],
    why: "V8's heap and compiled code",
  },
  {
    names: [
      'futex',
      'clone3',
      'clone',
      'rseq',
      'set_robust_list',
      'set_tid_address',
      'gettid',
      'sched_yield',
      'sched_getaffinity',
      'prctl',
      'exit',
    ],
    why: "libuv's pool and worker threads begin at their first use. A forked copy would be as locked as we are",
  },
  {
    names: ['clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep', 'gettimeofday', 'restart_syscall'],
    why: 'time, where it is not read without the kernel',
  },
  { names: ['getrandom'], why: 'random numbers' },
  {
    names: ['rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sigaltstack', 'tgkill', 'exit_group'],
    why: 'signals to ourselves, abort, and the end',
  },
  {
    names: [
      'getpid',
      'getppid',
      'getuid',
      'geteuid',
      'getgid',
      'getegid',
      'getrusage',
      'getrlimit',
      'prlimit64',
      'sysinfo',
      'uname',
      'getcpu',
    ],
    why: 'what we are and what we use',
  },
];

/** Cannot be undone, by this process or what it starts. */
export function lockDown({ systemCalls }: Privileges): void {
  native.seccompAllow([...baseSystemCalls, ...systemCalls].flatMap(({ names }) => names));
}
