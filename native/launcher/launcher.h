/** The launcher's own parts. Every function that can't do its work ends the program with one line that names the step. */
#ifndef POSTERN_LAUNCHER_H
#define POSTERN_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What the exit status says. 0 to 125 are the program's own. */
enum { EXIT_USAGE = 125, EXIT_SET_UP = 126, EXIT_EXEC = 127 };

/** Far above what any service lists. */
enum { MAX_ENTRIES = 64, MAX_KEPT = 16 };

/** How a service sees a part of the host. */
enum access {
  /** programs run; no devices, no set-user-ID */
  ACCESS_READ,
  /** data only: no programs either */
  ACCESS_WRITE,
  /** read-only, but its device nodes work */
  ACCESS_DEVICES,
  /** /proc of the host, data only */
  ACCESS_PROC,
};

struct entry {
  enum access access;
  const char *source;
  const char *target;
  /** a detached clone of the source */
  int mount;
};

struct link {
  const char *target;
  const char *path;
};

struct options {
  struct entry entries[MAX_ENTRIES];
  size_t entry_count;
  struct link links[MAX_ENTRIES];
  size_t link_count;
  /** /usr, and /lib and the like as the host has them */
  bool system;
  bool tmp;
  bool no_network;
  bool no_ipc;
  uid_t uid;
  gid_t gid;
  /** bit N: capability N */
  uint64_t capabilities;
  /** those that are done without where the host itself lacks them */
  uint64_t capabilities_if_held;
  int kept[MAX_KEPT];
  size_t kept_count;
  char *environment[MAX_ENTRIES + 1];
  size_t environment_count;
  /** the program and its arguments, ended by NULL */
  char **program;
  /** with --empty-root: whose; 0 otherwise */
  pid_t empty_root;
};

/** `launcher: STEP SUBJECT: reason`, and the end. `subject` may be "". */
_Noreturn void fail(int status, const char *step, const char *subject);

void read_options(int argc, char **argv, struct options *options);

/** Opens what the view shows while the host's tree is still there. */
void open_view(struct options *options);
/** A mount namespace whose root is a read-only tmpfs with just the view. */
void enter_view(const struct options *options);

/** Lets no descriptor but 0, 1, 2 and the kept ones reach the program. */
void keep_descriptors(const struct options *options);
/** The user, and exactly the capabilities asked for, with no way to any other. */
void drop_privileges(const struct options *options);

/** Takes the root away from a process that was started beside us. */
void empty_root_of(pid_t pid);

#endif
