/** The command line. */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher.h"

/** By number, as in linux/capability.h. */
static const char *const capability_names[] = {
    "cap_chown",           "cap_dac_override",   "cap_dac_read_search",  "cap_fowner",         "cap_fsetid",
    "cap_kill",            "cap_setgid",         "cap_setuid",           "cap_setpcap",        "cap_linux_immutable",
    "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin",        "cap_net_raw",        "cap_ipc_lock",
    "cap_ipc_owner",       "cap_sys_module",     "cap_sys_rawio",        "cap_sys_chroot",     "cap_sys_ptrace",
    "cap_sys_pacct",       "cap_sys_admin",      "cap_sys_boot",         "cap_sys_nice",       "cap_sys_resource",
    "cap_sys_time",        "cap_sys_tty_config", "cap_mknod",            "cap_lease",          "cap_audit_write",
    "cap_audit_control",   "cap_setfcap",        "cap_mac_override",     "cap_mac_admin",      "cap_syslog",
    "cap_wake_alarm",      "cap_block_suspend",  "cap_audit_read",       "cap_perfmon",        "cap_bpf",
    "cap_checkpoint_restore",
};
enum { CAPABILITY_COUNT = sizeof capability_names / sizeof capability_names[0] };
_Static_assert(CAPABILITY_COUNT == CAP_CHECKPOINT_RESTORE + 1, "a name for each capability, in order");

static _Noreturn void refuse(const char *option, const char *value) {
  errno = EINVAL;
  fail(EXIT_USAGE, option, value);
}

/** A decimal number of at most `limit`. */
static unsigned long number(const char *option, const char *text, unsigned long limit) {
  char *end = NULL;
  errno = 0;
  const unsigned long value = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > limit) refuse(option, text);
  return value;
}

/** Cuts `FIRST:SECOND` in two. The second is the one that may not hold a colon. */
static char *cut(const char *option, char *text) {
  char *colon = strrchr(text, ':');
  if (colon == NULL || colon == text || colon[1] == '\0') refuse(option, text);
  *colon = '\0';
  return colon + 1;
}

static void add_entry(struct options *options, const char *option, enum access access, char *text) {
  if (options->entry_count == MAX_ENTRIES) refuse(option, text);
  struct entry *entry = &options->entries[options->entry_count++];
  *entry = (struct entry){.access = access, .mount = -1};
  entry->target = cut(option, text);
  entry->source = text;
  if (entry->source[0] != '/' || entry->target[0] != '/' || entry->target[1] == '\0') refuse(option, text);
}

static void add_link(struct options *options, const char *option, char *text) {
  if (options->link_count == MAX_ENTRIES) refuse(option, text);
  struct link *link = &options->links[options->link_count++];
  link->path = cut(option, text);
  link->target = text;
  if (link->path[0] != '/') refuse(option, text);
}

static uint64_t capabilities(const char *option, char *list) {
  uint64_t set = 0;
  for (char *name = strtok(list, ","); name != NULL; name = strtok(NULL, ",")) {
    size_t i = 0;
    while (i < CAPABILITY_COUNT && strcmp(name, capability_names[i]) != 0) i++;
    if (i == CAPABILITY_COUNT) refuse(option, name);
    set |= UINT64_C(1) << i;
  }
  return set;
}

void read_options(int argc, char **argv, struct options *options) {
  enum { BIND = 1, BIND_RW, DEV_BIND, SYMLINK, SYSTEM, PROC, TMP, NO_NETWORK, NO_IPC, UID, GID, CAPS, CAPS_IF_HELD, KEEP_FD, ENV, EMPTY_ROOT };
  static const struct option known[] = {
      {"bind", required_argument, NULL, BIND},       {"bind-rw", required_argument, NULL, BIND_RW},
      {"dev-bind", required_argument, NULL, DEV_BIND}, {"symlink", required_argument, NULL, SYMLINK},
      {"system", no_argument, NULL, SYSTEM},         {"proc", no_argument, NULL, PROC},
      {"tmp", no_argument, NULL, TMP},               {"no-network", no_argument, NULL, NO_NETWORK},
      {"no-ipc", no_argument, NULL, NO_IPC},         {"uid", required_argument, NULL, UID},
      {"gid", required_argument, NULL, GID},         {"caps", required_argument, NULL, CAPS},
      {"caps-if-held", required_argument, NULL, CAPS_IF_HELD}, {"keep-fd", required_argument, NULL, KEEP_FD},
      {"env", required_argument, NULL, ENV},         {"empty-root", required_argument, NULL, EMPTY_ROOT},
      {NULL, 0, NULL, 0},
  };
  static char proc[] = "/proc:/proc";
  int which = 0;
  int index = 0;
  opterr = 0;
  while ((which = getopt_long(argc, argv, "+", known, &index)) != -1) {
    const char *name = which == '?' ? "" : known[index].name;
    switch (which) {
      case BIND: add_entry(options, name, ACCESS_READ, optarg); break;
      case BIND_RW: add_entry(options, name, ACCESS_WRITE, optarg); break;
      case DEV_BIND: add_entry(options, name, ACCESS_DEVICES, optarg); break;
      case SYMLINK: add_link(options, name, optarg); break;
      case SYSTEM: options->system = true; break;
      case PROC: add_entry(options, name, ACCESS_PROC, proc); break;
      case TMP: options->tmp = true; break;
      case NO_NETWORK: options->no_network = true; break;
      case NO_IPC: options->no_ipc = true; break;
      // 2^32-1 is "no id" to the kernel
      case UID: options->uid = (uid_t)number(name, optarg, UINT32_MAX - 1UL); break;
      case GID: options->gid = (gid_t)number(name, optarg, UINT32_MAX - 1UL); break;
      case CAPS: options->capabilities = capabilities(name, optarg); break;
      case CAPS_IF_HELD: options->capabilities_if_held = capabilities(name, optarg); break;
      case KEEP_FD:
        if (options->kept_count == MAX_KEPT) refuse(name, optarg);
        options->kept[options->kept_count++] = (int)number(name, optarg, INT32_MAX);
        break;
      case ENV:
        if (options->environment_count == MAX_ENTRIES || strchr(optarg, '=') == NULL) refuse(name, optarg);
        options->environment[options->environment_count++] = optarg;
        break;
      case EMPTY_ROOT: options->empty_root = (pid_t)number(name, optarg, INT32_MAX); break;
      default: refuse("option", argv[optind - 1]);
    }
  }
  options->program = argv + optind;
  if (options->empty_root == 0 && options->program[0] == NULL) refuse("PROGRAM", "");
}
