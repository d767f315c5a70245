/*
 * No transient ID outlives its namespace: the policy, in one object. Each header is one concern:
 *   state.h       what it knows, in maps that are pinned
 *   holders.h     who holds an ID, and what dies with its holder
 *   idmaps.h      a mount's idmap as a number
 *   cgroups.h     control groups that a range was given
 *   paths.h       first line: creation and giving away, where the mount is known
 *   inodes.h      last line: the owner of a new inode, whichever way it came
 *   attributes.h  owners, ACLs and capabilities given to what is there
 *   objects.h     IPC objects, keys, setgroups
 *   lives.h       a namespace's map, its end, a superblock's end
 *   mounts.h      what a mount descriptor stands for
 * Every hook ends at once for a caller and an ID that are none of ours.
 */
#include "attributes.h"
#include "cgroups.h"
#include "inodes.h"
#include "lives.h"
#include "mounts.h"
#include "objects.h"
#include "paths.h"

/* Tracing helpers are for GPL-compatible programs only, and ISC is not in the kernel's list by name. */
char declared_license[] SEC("license") = "Dual BSD/GPL";
