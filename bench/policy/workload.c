/*
 * What a process that no policy is about does all day, so that the policy's cost for it can be told.
 *
 *   workload touch FOLDER COUNT      open(O_CREAT), close, unlink, so often
 *   workload build FOLDER COMMAND... the command, once
 */
#include "../measure.h"

static void touch(void) {
    int fd = (int)must(open("touched", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open");
    close(fd);
    must(unlink("touched"), "unlink");
}

static void build(char **command) {
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        execvp(command[0], command);
        err(127, "%s", command[0]);
    }
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0) errx(1, "%s failed", command[0]);
}

int main(int argc, char **argv) {
    if (argc < 4) errx(2, "usage: workload touch FOLDER COUNT | workload build FOLDER COMMAND...");
    must(chdir(argv[2]), argv[2]);
    int touches = strcmp(argv[1], "touch") == 0;
    struct samples samples = samples_new(1, touches ? (size_t)atol(argv[3]) : 1);
    uint64_t begun = now_ns();
    for (size_t i = 0; i < samples.each; i++) {
        uint64_t start = now_ns();
        if (touches) touch();
        else build(argv + 3);
        samples.ns[i] = now_ns() - start;
    }
    samples_print(&samples, now_ns() - begun);
    return 0;
}
