/*
 * The container program: what `postern run` and `postern allocate` turn into once they have their range and their mounts.
 * It is plain C because a user namespace can be made and entered by a single-threaded process only, and because a running
 * container should not cost a Node. It has no privileges and decides nothing about trust: the gateway did.
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0 || value > 0x7ffffffe) {
    fail(EXIT_OWN_USAGE, 0, NULL, "not a number: %s", text);
  }
  return (int)value;
}

/* FD:PATH */
static struct attachment attachment(char *text) {
  char *colon = strchr(text, ':');
  if (colon == NULL || colon[1] != '/') fail(EXIT_OWN_USAGE, 0, NULL, "not FD:/PATH: %s", text);
  *colon = '\0';
  return (struct attachment){.fd = number(text), .target = colon + 1};
}

static struct container parse(int argc, char **argv) {
  static const struct option options[] = {
      {"userns", required_argument, NULL, 'u'}, {"mount", required_argument, NULL, 'm'},
      {"hostname", required_argument, NULL, 'h'}, {"private-network", no_argument, NULL, 'n'},
      {"uid", required_argument, NULL, 'U'},    {"gid", required_argument, NULL, 'G'},
      {NULL, 0, NULL, 0},
  };
  struct container container = {.user_namespace = -1, .hostname = "postern"};
  container.line = argv[-1];
  container.line_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[-1]);
  for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
    switch (option) {
      case 'u': container.user_namespace = number(optarg); break;
      case 'm':
        if (container.attachment_count == MAX_ATTACHMENTS) fail(EXIT_OWN_USAGE, 0, NULL, "too many mounts");
        container.attachments[container.attachment_count++] = attachment(optarg);
        break;
      case 'h': container.hostname = optarg; break;
      case 'n': container.private_network = true; break;
      case 'U': container.uid = (uid_t)number(optarg); break;
      case 'G': container.gid = (gid_t)number(optarg); break;
      default: exit(EXIT_OWN_USAGE);
    }
  }
  container.command = argv + optind;
  if (container.user_namespace < 0 || container.command[0] == NULL) fail(EXIT_OWN_USAGE, 0, NULL, "no namespace or no command");
  return container;
}

int main(int argc, char **argv) {
  const char *task = argc > 1 ? argv[1] : "";
  restore_process();
  if (strcmp(task, "namespace") == 0) return make_namespace();
  if (strcmp(task, "probe") == 0) return probe();
  if (strcmp(task, "run") == 0) {
    struct container container = parse(argc - 1, argv + 1);
    return run_container(&container);
  }
  if (strcmp(task, "enter") == 0) {
    struct container container = parse(argc - 1, argv + 1);
    enter_user_namespace(container.user_namespace);
    execute(container.command);
  }
  fail(EXIT_OWN_USAGE, 0, "use `postern run` or `postern allocate`", "this program is a part of postern and not meant to be called by hand");
}
