/** The programs of the policy: what each is attached to, and when the promise can do without it. */

export interface Program {
  readonly name: string;
  /** the kernel function whose presence says that the kernel has the hook */
  readonly target: string;
  /** `always`, or only where another function is there or absent */
  readonly needed: 'always' | { readonly where: string; readonly present: boolean };
  /** attached, or pinned to be read */
  readonly use: 'attach' | 'read';
}

const always = (name: string, target: string): Program => ({ name, target, needed: 'always', use: 'attach' });
const lsm = (name: string, hook: string = name): Program => always(name, `bpf_lsm_${hook}`);

/** Came with 6.2, as did the idmap as an argument of the attribute hooks. Before, lists are seen as extended attributes. */
const aclHook = 'bpf_lsm_inode_set_acl';

/** The five that know a path and create: what a policy of nothing but these would be. */
export const pathHooks: readonly Program[] = [
  lsm('path_mknod'),
  lsm('path_mkdir'),
  lsm('path_symlink'),
  lsm('path_link'),
  lsm('path_chown'),
];

/** What tells the policy of lives and mounts; no policy works without. */
export const bookkeeping: readonly Program[] = [
  always('took_map', 'proc_uid_map_write'),
  always('namespace_gone', 'retire_userns_sysctls'),
  lsm('superblock_gone', 'sb_free_security'),
  { name: 'mounts', target: 'bpf_iter_task_file', needed: 'always', use: 'read' },
];

export const programs: readonly Program[] = [
  ...bookkeeping,
  ...pathHooks,
  lsm('path_rename'),
  lsm('path_chmod'),
  lsm('file_open'),
  always('init_inode', 'security_inode_init_security'),
  lsm('inode_create'),
  lsm('inode_mkdir'),
  lsm('inode_mknod'),
  lsm('inode_symlink'),
  lsm('cgroup_node', 'kernfs_init_security'),
  lsm('set_owner', 'inode_setattr'),
  { name: 'note_idmap', target: 'notify_change', needed: { where: aclHook, present: false }, use: 'attach' },
  { name: 'set_acl', target: aclHook, needed: { where: aclHook, present: true }, use: 'attach' },
  lsm('set_xattr', 'inode_setxattr'),
  lsm('make_shared_memory', 'shm_alloc_security'),
  lsm('make_semaphores', 'sem_alloc_security'),
  lsm('make_message_queue', 'msg_queue_alloc_security'),
  lsm('key_permission'),
  lsm('set_groups', 'task_fix_setgroups'),
];

/** What a kernel gets, and what it would need and has not. */
export interface Choice {
  readonly chosen: readonly Program[];
  readonly missing: readonly string[];
}

/** @param has whether the kernel has a function */
export function choose(all: readonly Program[], has: (name: string) => boolean): Choice {
  const needed = all.filter(({ needed }) => needed === 'always' || has(needed.where) === needed.present);
  return {
    chosen: needed.filter(({ target }) => has(target)),
    missing: needed.filter(({ target }) => !has(target)).map(({ target }) => target),
  };
}
