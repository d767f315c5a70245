/*
 * A client light enough not to be what is measured: it speaks Varlink over the socket in plain C, one blocking connection per client.
 *
 *   load allocate SOCKET CLIENTS COUNT        each call gives a range to a new user namespace, which ends right after
 *   load mount SOCKET IMAGE CLIENTS COUNT     each call mounts the image for the client's own namespace; it is closed a few calls later
 *   load pinned SOCKET IMAGE CLIENTS COUNT    the same while one further mount of the image is held
 *   load first SOCKET IMAGE                   one single mount, for the cost of the first one
 *   load hold SOCKET COUNT                    COUNT ranges, all held until the last is there
 *
 * A latency runs from the call's first byte to the reply's last. Making and closing namespaces lies outside of it.
 */
#include "call.h"

/* One process may not open as many descriptors as `hold` keeps namespaces. */
#define HELD_PER_PROCESS 4000
/* A client keeps its mount longer than the server keeps its copy, or the server's close would be the last and do the unmounting. */
#define MOUNTS_KEPT 8

static const char *socket_path, *image_path;
static int connection = -1, image = -1, namespace = -1;

/* Gives a range to a namespace; the time that the call took. */
static uint64_t allocate_range(int user_namespace) {
    static unsigned serial;
    char text[512];
    int received[FDS_ROOM];
    int length = snprintf(text, sizeof text,
        "{\"method\":\"io.systemd.NamespaceResource.AllocateUserRange\",\"parameters\":"
        "{\"name\":\"b%x-%x\",\"mangleName\":true,\"size\":65536,\"target\":0,\"userNamespaceFileDescriptor\":0}}",
        (unsigned)getpid(), serial++);
    uint64_t start = now_ns();
    call(connection, text, (size_t)length + 1, &user_namespace, 1, received);
    return now_ns() - start;
}

/* Mounts the image for our namespace; the mounts' descriptors go to `mounts`. */
static uint64_t mount_image(int *mounts, size_t *count) {
    static const char text[] =
        "{\"method\":\"io.systemd.MountFileSystem.MountImage\",\"parameters\":"
        "{\"imageFileDescriptor\":0,\"userNamespaceFileDescriptor\":1,\"readOnly\":true}}";
    int fds[] = {image, namespace};
    uint64_t start = now_ns();
    *count = call(connection, text, sizeof text, fds, 2, mounts);
    uint64_t end = now_ns();
    if (*count == 0) errx(1, "the reply brought no mount");
    return end - start;
}

/* ── allocate */

static void prepare_connection(size_t client) {
    (void)client;
    connection = dial(socket_path);
}

static void allocate(size_t client, uint64_t *ns, size_t each) {
    (void)client;
    for (size_t i = 0; i < each; i++) {
        int fresh = new_user_namespace();
        ns[i] = allocate_range(fresh);
        close(fresh);
    }
}

/* ── mount */

static void prepare_mount(size_t client) {
    (void)client;
    connection = dial(socket_path);
    image = (int)must(open(image_path, O_RDONLY | O_CLOEXEC), image_path);
    namespace = new_user_namespace();
    allocate_range(namespace);
}

static void mount_many(size_t client, uint64_t *ns, size_t each) {
    (void)client;
    int kept[MOUNTS_KEPT][FDS_ROOM];
    size_t counts[MOUNTS_KEPT] = {0};
    for (size_t i = 0; i < each; i++) {
        size_t slot = i % MOUNTS_KEPT;
        close_all(kept[slot], counts[slot]);
        ns[i] = mount_image(kept[slot], &counts[slot]);
    }
}

static void run(size_t clients, size_t each, void (*prepare)(size_t), void (*work)(size_t, uint64_t *, size_t)) {
    struct samples s = samples_new(clients, each);
    samples_print(&s, run_clients(&s, prepare, work));
}

static void pinned(size_t clients, size_t each) {
    int mounts[FDS_ROOM];
    size_t count;
    prepare_mount(0);
    mount_image(mounts, &count);
    run(clients, each, prepare_mount, mount_many);
    close_all(mounts, count);
}

/* ── hold */

/* One link of a chain of processes: each allocates its share once the one before is through, then holds it until the end. */
static void hold(size_t count) {
    size_t holders = (count + HELD_PER_PROCESS - 1) / HELD_PER_PROCESS;
    struct samples s = samples_new(1, count);
    int end[2];
    must(pipe2(end, O_CLOEXEC), "pipe");
    uint64_t start = now_ns();
    for (size_t h = 0; h < holders; h++) {
        int turn[2];
        must(pipe2(turn, O_CLOEXEC), "pipe");
        if (must(fork(), "fork") == 0) {
            char byte = 0;
            close(end[1]);
            connection = dial(socket_path);
            size_t first = h * HELD_PER_PROCESS, last = first + HELD_PER_PROCESS < count ? first + HELD_PER_PROCESS : count;
            for (size_t i = first; i < last; i++) s.ns[i] = allocate_range(new_user_namespace());
            must(write(turn[1], &byte, 1), "write");
            must(read(end[0], &byte, 1), "read");
            _exit(0);
        }
        char byte;
        close(turn[1]);
        if (must(read(turn[0], &byte, 1), "read") == 0) errx(1, "a holder failed");
        close(turn[0]);
    }
    samples_print(&s, now_ns() - start);
    close(end[1]);
    while (wait(NULL) > 0) {}
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : "";
    if (argc > 2) socket_path = argv[2];
    if (argc > 3) image_path = argv[3];
    if (argc == 5 && strcmp(what, "allocate") == 0) run(number(argv[3]), number(argv[4]), prepare_connection, allocate);
    else if (argc == 6 && strcmp(what, "mount") == 0) run(number(argv[4]), number(argv[5]), prepare_mount, mount_many);
    else if (argc == 6 && strcmp(what, "pinned") == 0) pinned(number(argv[4]), number(argv[5]));
    else if (argc == 4 && strcmp(what, "first") == 0) run(1, 1, prepare_mount, mount_many);
    else if (argc == 4 && strcmp(what, "hold") == 0) hold(number(argv[3]));
    else errx(2, "usage: load allocate|mount|pinned|first|hold SOCKET … (see the head of load.c)");
    return 0;
}
