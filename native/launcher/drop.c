/** Everything that the program shall not have is let go of here, for good. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

/** The kernel knows no capability beyond 63. */
enum { HIGHEST_CAPABILITY = 63 };

static bool has(uint64_t set, int capability) { return (set >> capability & 1) != 0; }

void keep_descriptors(const struct options *options) {
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) fail(EXIT_SET_UP, "close_range", "");
  for (size_t i = 0; i < options->kept_count; i++) {
    char text[16];
    snprintf(text, sizeof text, "%d", options->kept[i]);
    if (fcntl(options->kept[i], F_SETFD, 0) < 0) fail(EXIT_SET_UP, "keep-fd", text);
  }
}

/** What we have ourselves, and so can pass on. */
static uint64_t held(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) fail(EXIT_SET_UP, "capget", "");
  return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/** What is not in the bounding set can't come back by executing anything. */
static void limit_bounding_set(uint64_t wanted) {
  for (int capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    if (prctl(PR_CAPBSET_READ, capability) < 0) return;  // past the last one of this kernel
    if (!has(wanted, capability) && prctl(PR_CAPBSET_DROP, capability) < 0) fail(EXIT_SET_UP, "PR_CAPBSET_DROP", "");
  }
}

/** Permitted, effective and inheritable are exactly what is wanted. */
static void set_capabilities(uint64_t wanted) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int half = 0; half < 2; half++) {
    const uint32_t bits = (uint32_t)(wanted >> (32 * half));
    data[half] = (struct __user_cap_data_struct){bits, bits, bits};
  }
  if (syscall(SYS_capset, &header, data) < 0) fail(EXIT_SET_UP, "capset", "");
}

/** The ambient set is what an ordinary program keeps over exec. */
static void raise_ambient_set(uint64_t wanted) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) fail(EXIT_SET_UP, "PR_CAP_AMBIENT_CLEAR_ALL", "");
  for (int capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    if (has(wanted, capability) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
      fail(EXIT_SET_UP, "PR_CAP_AMBIENT_RAISE", "");
    }
  }
}

void drop_privileges(const struct options *options) {
  if (setgroups(0, NULL) < 0) fail(EXIT_SET_UP, "setgroups", "");
  const uint64_t wanted = options->capabilities | (options->capabilities_if_held & held());
  limit_bounding_set(wanted);
  // User 0 is nobody special: no capabilities come with it over exec, in this process and all it starts. KEEP_CAPS lasts until exec.
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED;
  if (prctl(PR_SET_SECUREBITS, bits) < 0) fail(EXIT_SET_UP, "PR_SET_SECUREBITS", "");
  if (setresgid(options->gid, options->gid, options->gid) < 0) fail(EXIT_SET_UP, "setresgid", "");
  if (setresuid(options->uid, options->uid, options->uid) < 0) fail(EXIT_SET_UP, "setresuid", "");
  set_capabilities(wanted);
  raise_ambient_set(wanted);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(EXIT_SET_UP, "PR_SET_NO_NEW_PRIVS", "");
}
