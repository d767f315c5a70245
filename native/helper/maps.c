/** The ID maps of a user namespace, read and written from nothing but a descriptor of it. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "helper.h"

/** "inside outside length\n", each of up to ten digits. */
#define LINE_BYTES 33

/** Opens a file of a process below /proc. */
static int open_of(const struct place *place, pid_t pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "%d/%s", pid, name);
  return openat(place->proc, path, flags | O_CLOEXEC);
}

/** 0 for a map without lines, EEXIST for one with, or another errno. */
static int check_empty(int map) {
  char first;
  const ssize_t got = pread(map, &first, 1, 0);
  return got < 0 ? errno : got > 0 ? EEXIST : 0;
}

/** The kernel takes a map in one write only. */
static int write_lines(int map, const struct helper_line *lines, uint32_t count) {
  char text[HELPER_MAX_WRITTEN_LINES * LINE_BYTES + 1];
  size_t length = 0;
  for (uint32_t i = 0; i < count; i++) {
    length += (size_t)snprintf(text + length, sizeof text - length, "%u %u %u\n", lines[i].inside, lines[i].outside, lines[i].length);
  }
  const ssize_t written = write(map, text, length);
  if (written == (ssize_t)length) return 0;
  if (written >= 0) return EIO;
  // Somebody in the namespace may have been quicker.
  return errno == EPERM && check_empty(map) == EEXIST ? EEXIST : errno;
}

static int deny_setgroups(const struct place *place, pid_t pid) {
  const int file = open_of(place, pid, "setgroups", O_WRONLY);
  if (file < 0) return errno;
  const int error = write(file, "deny", 4) == 4 ? 0 : errno;
  close(file);
  return error;
}

/** Writes both maps of the process's namespace; the writer must be in its parent. */
static void write_maps_of(const struct place *place, pid_t pid, const struct helper_request *request, struct helper_reply *reply) {
  const int uid_map = open_of(place, pid, "uid_map", O_RDWR);
  const int uid_error = errno;
  const int gid_map = open_of(place, pid, "gid_map", O_RDWR);
  int error = 0;
  if (uid_map < 0) failed(reply, "open(uid_map)", uid_error);
  else if (gid_map < 0) failed(reply, "open(gid_map)", errno);
  else if ((error = check_empty(uid_map)) != 0) failed(reply, "read(uid_map)", error);
  else if ((error = check_empty(gid_map)) != 0) failed(reply, "read(gid_map)", error);
  else if (request->deny_setgroups != 0 && (error = deny_setgroups(place, pid)) != 0) failed(reply, "write(setgroups)", error);
  else if ((error = write_lines(uid_map, request->uid, request->uid_lines)) != 0) failed(reply, "write(uid_map)", error);
  else if ((error = write_lines(gid_map, request->gid, request->gid_lines)) != 0) failed(reply, "write(gid_map)", error);
  if (uid_map >= 0) close(uid_map);
  if (gid_map >= 0) close(gid_map);
}

/** What a writer in the parent namespace needs. */
struct errand {
  const struct place *place;
  int parent;
  pid_t pid;
  const struct helper_request *request;
  struct helper_reply *reply;
};

static int run_errand(void *argument) {
  const struct errand *errand = argument;
  const int error = enter(errand->parent, errand->place->proc);
  if (error != 0) failed(errand->reply, "setns", error);
  else write_maps_of(errand->place, errand->pid, errand->request, errand->reply);
  _exit(0);
}

/** As `write_maps_of`, by a child in the parent namespace: the kernel takes a map from nowhere else. */
static void write_maps_from(const struct place *place, int parent, pid_t pid, const struct helper_request *request,
                            struct helper_reply *reply) {
  struct errand errand = {place, parent, pid, request, reply};
  const pid_t writer = start_child(run_errand, &errand, 0);
  if (writer < 0) {
    failed(reply, "clone", errno);
    return;
  }
  const int status = await_end(writer);
  bury(writer);
  if (status != 0 && reply->error == 0) failed(reply, "write(uid_map)", status);
}

static bool has_sound_lines(const struct helper_request *request) {
  return request->uid_lines >= 1 && request->uid_lines <= HELPER_MAX_WRITTEN_LINES && request->gid_lines >= 1 &&
         request->gid_lines <= HELPER_MAX_WRITTEN_LINES;
}

void write_maps(const struct place *place, const struct helper_request *request, int user_namespace, struct helper_reply *reply) {
  if (!has_sound_lines(request)) {
    failed(reply, "recvmsg", EBADMSG);
    return;
  }
  const int parent = ioctl(user_namespace, NS_GET_PARENT);
  if (parent < 0) {
    failed(reply, "ioctl(NS_GET_PARENT)", errno);
    return;
  }
  const pid_t corpse = leave_corpse(place, user_namespace, reply);
  if (corpse > 0) {
    if (is_own_namespace(place, parent)) write_maps_of(place, corpse, request, reply);
    else write_maps_from(place, parent, corpse, request, reply);
    bury(corpse);
  }
  close(parent);
}

/** Reads the lines of a map file; 0 or an errno. */
static int read_lines(int map, struct helper_line *lines, uint32_t *count) {
  static char text[HELPER_MAX_READ_LINES * LINE_BYTES + 1];
  size_t length = 0;
  for (;;) {
    const ssize_t got = read(map, text + length, sizeof text - 1 - length);
    if (got < 0) return errno;
    if (got == 0) break;
    length += (size_t)got;
  }
  text[length] = '\0';
  *count = 0;
  for (const char *line = text; *line != '\0' && *count < HELPER_MAX_READ_LINES; *count += 1) {
    struct helper_line *into = &lines[*count];
    if (sscanf(line, "%u %u %u", &into->inside, &into->outside, &into->length) != 3) return EBADMSG;
    line = strchr(line, '\n');
    if (line == NULL) return EBADMSG;
    line += 1;
  }
  return 0;
}

static void read_map_of(const struct place *place, pid_t pid, const char *name, struct helper_line *lines, uint32_t *count,
                        struct helper_reply *reply) {
  const int map = open_of(place, pid, name, O_RDONLY);
  if (map < 0) {
    failed(reply, name, errno);
    return;
  }
  const int error = read_lines(map, lines, count);
  if (error != 0) failed(reply, name, error);
  close(map);
}

void read_maps(const struct place *place, int user_namespace, struct helper_reply *reply) {
  const bool is_own = is_own_namespace(place, user_namespace);  // which nobody can enter a second time
  const pid_t pid = is_own ? getpid() : leave_corpse(place, user_namespace, reply);
  if (pid < 0) return;
  read_map_of(place, pid, "uid_map", reply->uid, &reply->uid_lines, reply);
  if (reply->error == 0) read_map_of(place, pid, "gid_map", reply->gid, &reply->gid_lines, reply);
  if (!is_own) bury(pid);
}

/** Runs in a namespace that is to have no process. */
static int die(void *unused) {
  (void)unused;
  _exit(0);
}

bool make_namespace(const struct place *place, const struct helper_request *request, int answer, struct helper_reply *reply) {
  if (!has_sound_lines(request)) {
    failed(reply, "recvmsg", EBADMSG);
    return false;
  }
  const pid_t corpse = start_child(die, NULL, CLONE_NEWUSER);
  if (corpse < 0) {
    failed(reply, "clone", errno);
    return false;
  }
  await_end(corpse);
  write_maps_of(place, corpse, request, reply);
  int made = -1;
  if (reply->error == 0 && (made = open_of(place, corpse, "ns/user", O_RDONLY)) < 0) failed(reply, "open(ns/user)", errno);
  bury(corpse);
  if (made < 0) return false;
  send_reply(answer, reply, &made, 1);
  close(made);
  return true;
}
