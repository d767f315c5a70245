/*
 * A client that behaves as stock clients of systemd's daemons do, for any server that speaks their interfaces: it connects anew for each call,
 * and each mount is for a namespace of its own. Every answer is looked at, so that a server that fails can't look fast.
 *
 *   stock allocate NAMESPACES CLIENTS COUNT                        a range for a new user namespace
 *   stock directory NAMESPACES MOUNTS FOLDER CLIENTS COUNT         a directory in FOLDER of the client's own
 *   stock image NAMESPACES MOUNTS IMAGE PROBE TEXT CLIENTS COUNT   the image, in which the file PROBE begins with TEXT
 *
 * NAMESPACES and MOUNTS are sockets' paths. Started by root; each client is an ordinary user of its own. A latency runs from connect to the
 * reply's last byte. Making namespaces, giving them ranges before a mount, and looking at what came lie outside of it.
 */
#include "call.h"
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* The first client's user; the next ones follow. */
#define FIRST_USER 3000
/* Where all servers take the ranges of containers from. */
#define POOL_FIRST 524288u
#define POOL_LAST 1879048191u
#define RANGE_SIZE 65536u
/* After that long no further namespace is prepared, and no further call made: a slow server is measured by fewer. */
#define ENOUGH_SECONDS 40
/* Whoever takes longer than this does not answer. */
#define LIMIT_SECONDS 300
#define TEXT_ROOM 64

static const char *namespaces_path, *mounts_path, *image_path, *folder_path;
static const char *probe_path = "probe", *probe_text = "here";
static int subject = -1; /* what is mounted */
static size_t wanted; /* namespaces of each client */
static int *prepared;
static size_t prepared_count; /* … that have a range already */
static int turns; /* a file that whoever's turn it is has locked; a client that ends ends its turn */

static void become_user(size_t client) {
    uid_t id = FIRST_USER + (uid_t)client;
    must(setgroups(0, NULL), "setgroups");
    must(setresgid(id, id, id), "setresgid");
    must(setresuid(id, id, id), "setresuid");
    /* or our own /proc would be root's */
    must(prctl(PR_SET_DUMPABLE, 1), "prctl");
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

/* ── what a namespace's maps really say */

struct maps {
    int user_namespace;
    char uids[256], gids[256];
};

static void slurp(const char *path, char *room, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, room, size - 1);
    room[n < 0 ? 0 : n] = '\0';
    close(fd);
}

static int read_maps(void *argument) {
    struct maps *maps = argument;
    if (setns(maps->user_namespace, CLONE_NEWUSER) == 0) {
        slurp("/proc/self/uid_map", maps->uids, sizeof maps->uids);
        slurp("/proc/self/gid_map", maps->gids, sizeof maps->gids);
    }
    _exit(0);
}

/* The first outside ID of a map that consists of one whole range of the pool, mapped to 0. */
static unsigned range_of(const char *map) {
    unsigned inside, outside, size;
    char rest;
    if (sscanf(map, "%u %u %u %c", &inside, &outside, &size, &rest) != 3) errx(1, "not one line: %s", map);
    if (inside != 0 || size != RANGE_SIZE || outside % RANGE_SIZE != 0) errx(1, "not the range that was asked for: %s", map);
    if (outside < POOL_FIRST || outside > POOL_LAST) errx(1, "not a range of the pool: %s", map);
    return outside;
}

static unsigned mapped_range(int user_namespace) {
    static char stack[CHILD_STACK] __attribute__((aligned(16)));
    struct maps maps = {.user_namespace = user_namespace};
    pid_t child = (pid_t)must(clone(read_maps, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &maps), "clone");
    must(waitpid(child, NULL, 0), "waitpid");
    unsigned range = range_of(maps.uids);
    if (range_of(maps.gids) != range) errx(1, "users' and groups' maps differ");
    return range;
}

/* ── calls */

static uint64_t allocate_range(int user_namespace) {
    static unsigned serial;
    char text[256];
    int received[FDS_ROOM];
    int length = snprintf(text, sizeof text,
        "{\"method\":\"io.systemd.NamespaceResource.AllocateUserRange\",\"parameters\":"
        "{\"name\":\"b%x-%x\",\"size\":%u,\"target\":0,\"userNamespaceFileDescriptor\":0}}",
        (unsigned)getpid(), serial++, RANGE_SIZE);
    uint64_t start = now_ns();
    int connection = dial(namespaces_path);
    call(connection, text, (size_t)length + 1, &user_namespace, 1, received);
    uint64_t end = now_ns();
    close(connection);
    return end - start;
}

/* The file is there, says what it should, and belongs to the namespace's root. */
static void look_into(int mount, int user_namespace) {
    char text[TEXT_ROOM] = {0};
    struct stat facts;
    int file = (int)must(openat(mount, probe_path, O_RDONLY | O_CLOEXEC), probe_path);
    must(read(file, text, sizeof text - 1), "read from the mount");
    if (strncmp(text, probe_text, strlen(probe_text)) != 0) errx(1, "the mounted file says %s", text);
    must(fstat(file, &facts), "fstat");
    unsigned range = mapped_range(user_namespace);
    if (facts.st_uid != range) errx(1, "the mounted file belongs to %u instead of %u", facts.st_uid, range);
    close(file);
}

static uint64_t mount_subject(const char *text, size_t length, int user_namespace) {
    int fds[] = {subject, user_namespace}, mounts[FDS_ROOM];
    uint64_t start = now_ns();
    int connection = dial(mounts_path);
    size_t count = call(connection, text, length, fds, 2, mounts);
    uint64_t end = now_ns();
    close(connection);
    if (count == 0) errx(1, "the reply brought no mount");
    look_into(mounts[0], user_namespace);
    close_all(mounts, count);
    return end - start;
}

/* ── runs */

static uint64_t enough(void) {
    return now_ns() + ENOUGH_SECONDS * 1000000000ull;
}

/*
 * All namespaces of a run are there before its first call, and none goes before its last: systemd 257 takes a new one that has the inode number
 * of one that died a moment ago for that one.
 */
static void make_namespaces(void) {
    prepared = calloc(wanted, sizeof *prepared);
    for (; prepared_count < wanted; prepared_count++) prepared[prepared_count] = new_user_namespace();
}

static void prepare_fresh(size_t client) {
    become_user(client);
    make_namespaces();
}

static void allocate(size_t client, uint64_t *ns, size_t each) {
    uint64_t end = enough();
    (void)client;
    for (size_t i = 0; i < each && now_ns() < end; i++) {
        ns[i] = allocate_range(prepared[i]);
        mapped_range(prepared[i]);
    }
}

static void lock_turn(short type) {
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    must(fcntl(turns, F_SETLKW, &whole), "lock");
}

/* One client at a time: this is not what is measured, and systemd 262 has no ranges for many who ask at once (bench/README.md). */
static void prepare_ranges(void) {
    uint64_t end = enough();
    make_namespaces();
    for (prepared_count = 0; prepared_count < wanted && now_ns() < end; prepared_count++) {
        lock_turn(F_WRLCK);
        allocate_range(prepared[prepared_count]);
        lock_turn(F_UNLCK);
    }
}

static void mount_many(const char *text, size_t length, uint64_t *ns, size_t each) {
    uint64_t end = enough();
    for (size_t i = 0; i < each && i < prepared_count && now_ns() < end; i++) {
        ns[i] = mount_subject(text, length, prepared[i]);
    }
}

static void prepare_directory(size_t client) {
    char path[4096];
    become_user(client);
    snprintf(path, sizeof path, "%s/XXXXXX", folder_path);
    if (mkdtemp(path) == NULL) err(1, "%s", path);
    /* in the mount it is another's */
    must(chmod(path, 0755), path);
    subject = (int)must(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), path);
    int probe = (int)must(openat(subject, probe_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), probe_path);
    must(write(probe, probe_text, strlen(probe_text)), "write");
    close(probe);
    prepare_ranges();
}

static void mount_directory(size_t client, uint64_t *ns, size_t each) {
    static const char text[] = "{\"method\":\"io.systemd.MountFileSystem.MountDirectory\",\"parameters\":"
                               "{\"directoryFileDescriptor\":0,\"userNamespaceFileDescriptor\":1,\"mode\":\"auto\"}}";
    (void)client;
    mount_many(text, sizeof text, ns, each);
}

static void prepare_image(size_t client) {
    become_user(client);
    subject = (int)must(open(image_path, O_RDONLY | O_CLOEXEC), image_path);
    prepare_ranges();
}

static void mount_image(size_t client, uint64_t *ns, size_t each) {
    static const char text[] = "{\"method\":\"io.systemd.MountFileSystem.MountImage\",\"parameters\":"
                               "{\"imageFileDescriptor\":0,\"userNamespaceFileDescriptor\":1,\"readOnly\":true}}";
    (void)client;
    mount_many(text, sizeof text, ns, each);
}

static void run(const char *clients, const char *count, void (*prepare)(size_t), void (*work)(size_t, uint64_t *, size_t)) {
    struct samples s = samples_new(number(clients), number(count));
    wanted = s.each;
    turns = (int)must(memfd_create("turns", MFD_CLOEXEC), "memfd_create");
    alarm(LIMIT_SECONDS);
    samples_print(&s, run_clients(&s, prepare, work));
}

int main(int argc, char **argv) {
    const char *what = argc > 2 ? argv[1] : "";
    if (argc > 2) namespaces_path = argv[2];
    if (argc == 5 && strcmp(what, "allocate") == 0) {
        run(argv[3], argv[4], prepare_fresh, allocate);
    } else if (argc == 7 && strcmp(what, "directory") == 0) {
        mounts_path = argv[3];
        folder_path = argv[4];
        run(argv[5], argv[6], prepare_directory, mount_directory);
    } else if (argc == 9 && strcmp(what, "image") == 0) {
        mounts_path = argv[3];
        image_path = argv[4];
        probe_path = argv[5];
        probe_text = argv[6];
        run(argv[7], argv[8], prepare_image, mount_image);
    } else {
        errx(2, "usage: stock allocate|directory|image NAMESPACES … (see the head of stock.c)");
    }
    return 0;
}
