/*
 * A crowd at the gate: CLIENTS processes at once; each visit makes a user namespace with a living process in it, asks for a range,
 * mounts one of the images for it, and leaves. Every visit leaves one line behind, so that the test can see whether anything failed, and
 * whether two namespaces ever held the same IDs at the same time.
 *
 *   crowd SOCKET CLIENTS SECONDS VISITS IMAGE...       lines: BASE FROM_NS UNTIL_NS STEP OUTCOME
 *
 * The crowd goes home when its time is over, or after VISITS: in never-twice mode each one uses up a range for good, and a fast
 * machine would empty any pool.
 *
 * STEP is how far the visit came (connect, allocate, mount, done). OUTCOME is `ok`, `closed` (the server hung up) or the reply.
 */
#include "../../bench/measure.h"
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/un.h>

#define REPLY_ROOM 65536
#define MOUNTS_ROOM 16

struct visit {
    unsigned base;
    uint64_t from, until;
    const char *step, *outcome;
};

static char reply[REPLY_ROOM];

/* The reply's text in `reply`; false when the server hung up. */
static int call(int socket, const char *text, size_t length, const int *fds, size_t count, int *received, size_t *got) {
    size_t filled = 0;
    *got = 0;
    struct iovec part = {(void *)text, length};
    union { char bytes[CMSG_SPACE(sizeof(int) * 2)]; struct cmsghdr align; } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    if (sendmsg(socket, &message, MSG_NOSIGNAL) != (ssize_t)length) return 0;
    for (;;) {
        ssize_t n;
        struct iovec room = {reply + filled, sizeof reply - 1 - filled};
        union { char bytes[CMSG_SPACE(sizeof(int) * MOUNTS_ROOM)]; struct cmsghdr align; } incoming;
        struct msghdr answer = {.msg_iov = &room, .msg_iovlen = 1, .msg_control = incoming.bytes, .msg_controllen = sizeof incoming.bytes};
        n = recvmsg(socket, &answer, MSG_CMSG_CLOEXEC);
        if (n <= 0) return 0;
        for (struct cmsghdr *h = CMSG_FIRSTHDR(&answer); h != NULL; h = CMSG_NXTHDR(&answer, h)) {
            if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
            size_t k = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(received + *got, CMSG_DATA(h), k * sizeof(int));
            *got += k;
        }
        filled += (size_t)n;
        reply[filled] = '\0';
        if (reply[filled - 1] == '\0') return 1;
    }
}

/* A process in a new user namespace that waits for the end of `hold`. */
static pid_t inhabitant(const int hold[2]) {
    int made[2];
    must(pipe2(made, O_CLOEXEC), "pipe");
    pid_t child = (pid_t)must(fork(), "fork");
    if (child == 0) {
        char byte = 0;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(hold[1]);
        must(unshare(CLONE_NEWUSER), "unshare");
        must(write(made[1], &byte, 1), "write");
        close(made[1]);
        (void)!read(hold[0], &byte, 1);
        _exit(0);
    }
    char byte;
    close(made[1]);
    if (read(made[0], &byte, 1) != 1) errx(1, "no user namespace");
    close(made[0]);
    return child;
}

static unsigned mapped_base(pid_t pid) {
    char path[64], line[256] = "";
    unsigned inside = 0, outside = 0, length = 0;
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
    ssize_t n = must(read(fd, line, sizeof line - 1), path);
    close(fd);
    line[n] = '\0';
    return sscanf(line, "%u %u %u", &inside, &outside, &length) == 3 && inside == 0 && length == 65536 ? outside : 0;
}

static struct visit visit(const char *socket_path, const char *image_path, unsigned serial) {
    struct visit v = {.step = "connect", .outcome = "closed"};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    int hold[2], received[64], mounts[64];
    size_t got = 0, mounted = 0;
    must(pipe2(hold, O_CLOEXEC), "pipe");
    pid_t child = inhabitant(hold);
    close(hold[0]);
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    int namespace = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
    int image = (int)must(open(image_path, O_RDONLY | O_CLOEXEC), image_path);
    int socket_fd = (int)must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (connect(socket_fd, (struct sockaddr *)&address, sizeof address) != 0) {
        v.outcome = strerror(errno);
        goto leave;
    }
    v.step = "allocate";
    int length = snprintf(text, sizeof text,
        "{\"method\":\"io.systemd.NamespaceResource.AllocateUserRange\",\"parameters\":"
        "{\"name\":\"c%x-%x\",\"mangleName\":true,\"size\":65536,\"userNamespaceFileDescriptor\":0}}", (unsigned)getpid(), serial);
    if (!call(socket_fd, text, (size_t)length + 1, &namespace, 1, received, &got)) goto leave;
    v.from = now_ns();
    if (strstr(reply, "\"error\"") != NULL) {
        v.outcome = reply;
        goto leave;
    }
    v.base = mapped_base(child);
    v.step = "mount";
    static const char mount_call[] =
        "{\"method\":\"io.systemd.MountFileSystem.MountImage\",\"parameters\":"
        "{\"imageFileDescriptor\":0,\"userNamespaceFileDescriptor\":1,\"readOnly\":true}}";
    int both[] = {image, namespace};
    if (!call(socket_fd, mount_call, sizeof mount_call, both, 2, mounts, &mounted)) goto leave;
    if (strstr(reply, "\"error\"") != NULL) v.outcome = reply;
    else {
        v.step = "done";
        v.outcome = mounted == 1 ? "ok" : "no mount came";
    }
leave:
    for (size_t i = 0; i < got; i++) close(received[i]);
    for (size_t i = 0; i < mounted; i++) close(mounts[i]);
    v.until = now_ns();
    close(namespace);
    close(image);
    close(socket_fd);
    close(hold[1]);
    waitpid(child, NULL, 0);
    return v;
}

int main(int argc, char **argv) {
    if (argc < 6) errx(2, "usage: crowd SOCKET CLIENTS SECONDS VISITS IMAGE...");
    int clients = atoi(argv[2]), most = atoi(argv[4]), images = argc - 5;
    atomic_int *begun = mmap(NULL, sizeof *begun, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (begun == MAP_FAILED) err(1, "mmap");
    uint64_t end = now_ns() + (uint64_t)atoi(argv[3]) * 1000000000u;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    for (int i = 0; i < clients; i++) {
        if (must(fork(), "fork") != 0) continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        srand((unsigned)getpid());
        for (unsigned serial = 0; now_ns() < end && atomic_fetch_add(begun, 1) < most; serial++) {
            struct visit v = visit(argv[1], argv[5 + rand() % images], serial);
            char line[1024];
            int n = snprintf(line, sizeof line, "%u %llu %llu %s %.800s\n", v.base, (unsigned long long)v.from, (unsigned long long)v.until, v.step, v.outcome);
            /* one write per line, shorter than PIPE_BUF: lines of different clients never mix */
            must(write(1, line, (size_t)n), "write");
        }
        _exit(0);
    }
    int status, failed = 0;
    while (wait(&status) > 0) failed |= status;
    return failed == 0 ? 0 : 1;
}
