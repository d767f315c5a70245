/** The namespace helper's own parts. */
#ifndef POSTERN_HELPER_H
#define POSTERN_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "wire.h"

/** What the helper opens while nothing hostile is near, and keeps. */
struct place {
  /** /proc */
  int proc;
  /** our own user namespace */
  int user_namespace;
  /** /proc/sys/fs/suid_dumpable */
  int suid_dumpable;
};

/** Makes this process untraceable and fills in `place`; ends the program with a message where that can't be done. */
void take_place(struct place *place);

/** True when the descriptor is the user namespace that we are in. */
bool is_own_namespace(const struct place *place, int fd);

/** Puts an error and the call that it came from into a reply; returns the error. */
int failed(struct helper_reply *reply, const char *step, int error);

/**
 * A dead child that has entered a user namespace: it runs nothing, so nobody can trace, stop or take it over, yet its
 * /proc/PID/{uid,gid}_map are those of the namespace until it is reaped.
 * Returns its pid, or -1 with the reply filled in.
 */
pid_t leave_corpse(const struct place *place, int user_namespace, struct helper_reply *reply);

/** Waits for the end of a child without reaping it. A child that was stopped is killed. Returns its exit status, or ECANCELED. */
int await_end(pid_t child);

/** Reaps a child that has ended. */
void bury(pid_t child);

/**
 * Starts a child in our own memory, on a stack that all children share: one at a time. It must end by _exit. `flags`: CLONE_NEW*.
 * Returns its pid, or -1 with errno set.
 */
pid_t start_child(int (*body)(void *), void *argument, int flags);

/**
 * In a child: enters a user namespace, having closed every descriptor but `kept` (-1: none). Returns 0, or an errno.
 * What enters stays untraceable; see `check_not_traceable`.
 */
int enter(int user_namespace, int kept);

/** Closes every descriptor but these two, which may be the same. */
void keep_only(int first, int second);

/** Refuses where the kernel would make a process that changes its credentials traceable. Returns 0 or an errno. */
int check_not_traceable(const struct place *place);

void write_maps(const struct place *place, const struct helper_request *request, int user_namespace, struct helper_reply *reply);
void read_maps(const struct place *place, int user_namespace, struct helper_reply *reply);

/** As `lock_mounts`: makes a user namespace of nobody's, with the maps of the request; for the ID map of a mount. */
bool make_namespace(const struct place *place, const struct helper_request *request, int answer, struct helper_reply *reply);

/** As `lock_mounts`: a detached clone of the mount that a directory is in, with the directory as its root. */
bool clone_directory(int directory, int mount_namespace, uint32_t attributes, int answer, struct helper_reply *reply);

/** Answers on `answer` itself when all went well and returns true; otherwise the reply says what failed. */
bool lock_mounts(const int *mounts, size_t count, int answer, struct helper_reply *reply);

/** Sends a reply with descriptors. A caller that has gone away is no error. */
void send_reply(int socket, const struct helper_reply *reply, const int *fds, size_t count);

#endif
