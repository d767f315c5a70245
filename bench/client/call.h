/* One Varlink call over a blocking connection, in plain C. */
#ifndef POSTERN_BENCH_CALL_H
#define POSTERN_BENCH_CALL_H

#include "../measure.h"
#include <sys/un.h>

#define REPLY_ROOM (256 * 1024)
#define FDS_ROOM 16

static inline int dial(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) errx(2, "the socket's path is too long");
    strcpy(address.sun_path, path);
    int connection = (int)must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(connect(connection, (struct sockaddr *)&address, sizeof address), path);
    return connection;
}

/* Sends one call, its NUL included, and takes its reply. An error reply ends the program with its text. Returns the number of descriptors received. */
static inline size_t call(int connection, const char *text, size_t length, const int *fds, size_t count, int *received) {
    static char reply[REPLY_ROOM];
    size_t filled = 0, got = 0;
    send_bytes(connection, text, length, fds, count);
    for (;;) {
        size_t n = receive_bytes(connection, reply + filled, sizeof reply - 1 - filled, received, &got, FDS_ROOM);
        if (n == 0) errx(1, "the server closed the connection");
        filled += n;
        if (reply[filled - 1] == '\0') break;
        if (filled == sizeof reply - 1) errx(1, "the reply is too long");
    }
    if (strstr(reply, "\"error\"") != NULL) errx(1, "the server answered %s", reply);
    return got;
}

static inline void close_all(const int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) close(fds[i]);
}

#endif
