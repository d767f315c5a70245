/**
 * What passes between the addon and the namespace helper, over one SOCK_SEQPACKET socket: a request of fixed layout, with the
 * descriptors it needs. The first descriptor is the socket that takes the one reply, so that any number of threads may ask at
 * once, and a reply that comes too late for its caller goes nowhere.
 *
 *     write-maps   descriptors: reply socket, user namespace
 *     read-maps    descriptors: reply socket, user namespace
 *     lock-mounts  descriptors: reply socket, 1 to 16 detached mounts; the reply brings as many back
 *     make-namespace   descriptors: reply socket; the reply brings a user namespace that has the request's maps
 *     clone-directory  descriptors: reply socket, directory, its mount namespace; the reply brings a detached mount of it
 */
#ifndef POSTERN_HELPER_WIRE_H
#define POSTERN_HELPER_WIRE_H

#include <stdint.h>

/** Where the helper finds its socket. */
#define HELPER_SOCKET 3

enum helper_action {
  HELPER_WRITE_MAPS = 1,
  HELPER_READ_MAPS = 2,
  HELPER_LOCK_MOUNTS = 3,
  HELPER_MAKE_NAMESPACE = 4,
  HELPER_CLONE_DIRECTORY = 5,
};

enum {
  /** a range, 16 delegated ranges, the foreign range */
  HELPER_MAX_WRITTEN_LINES = 18,
  /** UID_GID_MAP_MAX_EXTENTS of the kernel */
  HELPER_MAX_READ_LINES = 340,
  /** partitions of one image */
  HELPER_MAX_MOUNTS = 16,
  HELPER_MAX_DESCRIPTORS = 1 + HELPER_MAX_MOUNTS,
};

struct helper_line {
  uint32_t inside;
  uint32_t outside;
  uint32_t length;
};

struct helper_request {
  uint32_t action;
  uint32_t deny_setgroups;
  /** MOUNT_ATTR_* that a clone gets on top of those of the mount that the directory is in */
  uint32_t attributes;
  uint32_t uid_lines;
  uint32_t gid_lines;
  struct helper_line uid[HELPER_MAX_WRITTEN_LINES];
  struct helper_line gid[HELPER_MAX_WRITTEN_LINES];
};

struct helper_reply {
  /** an errno, or 0 */
  int32_t error;
  uint32_t uid_lines;
  uint32_t gid_lines;
  /** which call failed, ended by NUL */
  char step[28];
  struct helper_line uid[HELPER_MAX_READ_LINES];
  struct helper_line gid[HELPER_MAX_READ_LINES];
};

#endif
