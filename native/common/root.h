/** A root directory of our own making, for the helper's stage, a service's view, and the empty root. */
#ifndef POSTERN_COMMON_ROOT_H
#define POSTERN_COMMON_ROOT_H

/**
 * A detached, empty tmpfs without devices, set-user-ID files and programs.
 * `inodes`: how many files and folders it can hold, its own root included. Returns its descriptor, or -1 with errno set.
 */
int make_tmpfs(const char *mode, const char *inodes);

/**
 * Makes a detached mount the root of this mount namespace, and lets go of everything that was mounted there. Whoever had the old
 * root as its root or working directory has the new one now. Returns 0, or -1 with errno set.
 */
int become_root(int mount);

#endif
