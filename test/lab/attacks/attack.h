/*
 * Ways to leave a transient ID behind. Each runs in a folder of its own, as an ID of the range, and returns 0 when it got through or the
 * errno that stopped it. The folder holds `given` (anybody may write it), and what is the attacker's own: `mine`, `minelink`, `minefolder`.
 */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct attack {
	const char *name;
	int (*run)(void);
};

/* Where there is no folder to choose: try it in the host's namespace, or in one of our own. */
extern bool in_own_namespace;

extern const struct attack file_attacks[], mount_attacks[], namespace_attacks[], uring_attacks[], object_attacks[], outside_attacks[];

/* 0 or the errno of a call that answers -1 */
static inline int outcome(long answer)
{
	return answer < 0 ? errno : 0;
}

/* A process of the host's that gives a name to what it is passed: started before anything is entered, reached by this descriptor. */
#define ACCOMPLICE_FD 5
int start_accomplice(void);

/* Creates a file in the present folder. */
int create_here(const char *name);

/* Root of a namespace nested in the range, whose only ID is the attacker's own. */
int become_nested_root(void);

/* Unshares namespaces; who is not root of the range becomes root of a nested namespace for it. Returns 0 or an errno. */
int unshare_with(int flags);

/* Runs an attack in a child after `before`, which may change namespaces; passes on what came of it. */
int in_child(int (*before)(void), int (*run)(void));
