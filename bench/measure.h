/*
 * What the floor and the load generator share: a clock, user namespaces, descriptors over sockets, and the way that
 * measurements leave the program. Every failure ends the program: a benchmark that goes on after an error measures nothing.
 */
#ifndef POSTERN_BENCH_MEASURE_H
#define POSTERN_BENCH_MEASURE_H

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The stack of a short-lived child that shares our memory: it makes a handful of system calls and ends. */
#define CHILD_STACK (64 * 1024)

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline long must(long result, const char *what) {
    if (result < 0) err(1, "%s", what);
    return result;
}

/* Latencies of all clients, in memory that their processes share. */
struct samples {
    size_t clients, each;
    uint64_t *ns; /* clients × each, in the order they were taken */
};

static inline struct samples samples_new(size_t clients, size_t each) {
    size_t bytes = clients * each * sizeof(uint64_t);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) err(1, "mmap");
    return (struct samples){clients, each, memory};
}

/* One JSON line: {"elapsed":ns,"latencies":[ns,…]}. A latency of 0 is one that was not taken. */
static inline void samples_print(const struct samples *s, uint64_t elapsed) {
    printf("{\"elapsed\":%llu,\"latencies\":[", (unsigned long long)elapsed);
    const char *comma = "";
    for (size_t i = 0; i < s->clients * s->each; i++) {
        if (s->ns[i] == 0) continue;
        printf("%s%llu", comma, (unsigned long long)s->ns[i]);
        comma = ",";
    }
    printf("]}\n");
}

/*
 * Runs `work` in as many processes as there are clients. All begin together, once each has finished `prepare`; the time from that
 * moment until the last has ended is the elapsed time.
 */
static inline uint64_t run_clients(struct samples *s, void (*prepare)(size_t client), void (*work)(size_t client, uint64_t *ns, size_t each)) {
    int ready[2], go[2];
    must(pipe2(ready, O_CLOEXEC), "pipe");
    must(pipe2(go, O_CLOEXEC), "pipe");
    pid_t *children = calloc(s->clients, sizeof *children);
    for (size_t i = 0; i < s->clients; i++) {
        children[i] = (pid_t)must(fork(), "fork");
        if (children[i] == 0) {
            char byte = 0;
            close(go[1]);
            prepare(i);
            must(write(ready[1], &byte, 1), "write");
            must(read(go[0], &byte, 1), "read"); /* end of file is the start signal */
            work(i, s->ns + i * s->each, s->each);
            _exit(0);
        }
    }
    close(ready[1]);
    for (size_t i = 0; i < s->clients; i++) {
        char byte;
        if (read(ready[0], &byte, 1) != 1) errx(1, "a client could not prepare");
    }
    uint64_t start = now_ns();
    close(go[1]);
    for (size_t i = 0; i < s->clients; i++) {
        int status;
        must(waitpid(children[i], &status, 0), "waitpid");
        if (status != 0) errx(1, "a client failed");
    }
    uint64_t elapsed = now_ns() - start;
    close(ready[0]);
    close(go[0]);
    free(children);
    return elapsed;
}

/* A count on the command line. */
static inline size_t number(const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0) errx(2, "not a number: %s", text);
    return value;
}

/* ── user namespaces */

static int open_own_namespace(void *result) {
    *(int *)result = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    _exit(0);
}

/* A new user namespace without a map, kept alive by nothing but the descriptor. */
static inline int new_user_namespace(void) {
    static char stack[CHILD_STACK] __attribute__((aligned(16)));
    int fd = -1;
    pid_t child = (pid_t)must(
        clone(open_own_namespace, stack + sizeof stack, CLONE_NEWUSER | CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &fd), "clone");
    must(waitpid(child, NULL, 0), "waitpid");
    return (int)must(fd, "open namespace");
}

/* ── descriptors over sockets */

static inline void send_bytes(int socket, const void *data, size_t length, const int *fds, size_t count) {
    struct iovec part = {(void *)data, length};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 4)];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    ssize_t sent = must(sendmsg(socket, &message, MSG_NOSIGNAL), "sendmsg");
    if ((size_t)sent != length) errx(1, "a call did not fit into the socket's buffer");
}

/* Bytes read; descriptors are added to fds. */
static inline size_t receive_bytes(int socket, void *data, size_t room, int *fds, size_t *count, size_t max) {
    struct iovec part = {data, room};
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 64)];
        struct cmsghdr align;
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = must(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), "recvmsg");
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (*count + n > max) errx(1, "more descriptors than expected");
        memcpy(fds + *count, CMSG_DATA(header), n * sizeof(int));
        *count += n;
    }
    return (size_t)got;
}

#endif
