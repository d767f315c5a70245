/* What the parts of the container program share. */
#ifndef POSTERN_CONTAINER_H
#define POSTERN_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The exit statuses that are ours and not the command's; docs/cli.md lists them. */
enum {
  EXIT_OWN_USAGE = 2,      /* called in a way that `postern` never calls it */
  EXIT_OS = 71,            /* the kernel refused a step of the container's making */
  EXIT_IMAGE = 65,         /* the image can't serve as a root */
  EXIT_CANNOT_EXECUTE = 126,
  EXIT_NOT_FOUND = 127,
};

/* A mount that came from the gateway, and where it goes. */
struct attachment {
  int fd;
  const char *target;
};

enum { MAX_ATTACHMENTS = 64 };

/* What `container run` was asked for. */
struct container {
  int user_namespace;
  struct attachment attachments[MAX_ATTACHMENTS];
  size_t attachment_count;
  const char *hostname;
  bool private_network;
  uid_t uid;
  gid_t gid;
  char *const *command;
  /* the memory of our own command line, as `ps` shows it */
  char *line;
  size_t line_size;
};

/* Says what went wrong and what to do next on stderr, and ends the process. With `error` 0 no error of the kernel is told. */
_Noreturn void fail(int status, int error, const char *next, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts signals and the standard descriptors back as a program expects them, whatever Node had done. */
void restore_process(void);

/* Becomes uid 0 and gid 0 of a mapped user namespace, without supplementary groups. */
void enter_user_namespace(int user_namespace);

/* Runs the program, found by PATH; ends the process when it can't be. */
_Noreturn void execute(char *const *command);

/* container namespace: an empty user namespace for the gateway to map; its descriptor is sent over descriptor 3. */
int make_namespace(void);

/* container run: from outside, the process that a caller sees. */
int run_container(const struct container *container);

/* The container's own pid 1: makes the root, starts the command, reaps, and exits as the command did. */
_Noreturn void run_init(const struct container *container, int lifeline);

/* Before anything of the host is let go: the parts of it that the container gets to keep, as detached mounts. */
struct keepsakes {
  int proc;
  int devices[8];
  /* -1 without one */
  int terminal;
};
void take_keepsakes(struct keepsakes *kept);

/* Makes the attachments the whole tree of files: nothing of the host is reachable afterwards. */
void enter_root(const struct container *container, struct keepsakes *kept);

/* With a terminal at hand, forbids typing into it in the caller's name (TIOCSTI, TIOCLINUX). */
void guard_terminal(void);

/* container probe: tries what a container needs of the kernel, in throw-away namespaces; one `name errno` line each. */
int probe(void);

#endif
