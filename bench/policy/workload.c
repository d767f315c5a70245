/*
 * What a process that no policy is about does all day, so that the policy's cost for it can be told.
 *
 *   workload touch FOLDER COUNT      open(O_CREAT), close, unlink: nanoseconds of the median one
 *   workload build FOLDER COMMAND... nanoseconds that the command takes
 */
#include "../measure.h"
#include <sys/wait.h>

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t touch(size_t count) {
    uint64_t *took = calloc(count, sizeof *took);
    if (took == NULL) err(1, "calloc");
    for (size_t i = 0; i < count; i++) {
        uint64_t start = now_ns();
        int fd = (int)must(open("touched", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open");
        close(fd);
        must(unlink("touched"), "unlink");
        took[i] = now_ns() - start;
    }
    qsort(took, count, sizeof *took, ascending);
    uint64_t median = took[count / 2];
    free(took);
    return median;
}

static uint64_t build(char **command) {
    uint64_t start = now_ns();
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        execvp(command[0], command);
        err(127, "%s", command[0]);
    }
    int status;
    must(waitpid(child, &status, 0), "waitpid");
    if (status != 0) errx(1, "%s failed", command[0]);
    return now_ns() - start;
}

int main(int argc, char **argv) {
    if (argc < 4) errx(2, "usage: workload touch FOLDER COUNT | workload build FOLDER COMMAND...");
    must(chdir(argv[2]), argv[2]);
    uint64_t took = strcmp(argv[1], "touch") == 0 ? touch((size_t)atol(argv[3])) : build(argv + 3);
    printf("%llu\n", (unsigned long long)took);
    return 0;
}
