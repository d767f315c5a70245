/*
 * The floor: what the kernel's own work costs, in a straight line of C without any process hop, message or check. Nothing that
 * does the same job can be faster than this on the same machine.
 *
 *   floor allocate CLIENTS COUNT                 write the maps of COUNT new user namespaces
 *   floor mount FILE-SYSTEM IMAGE CLIENTS COUNT  mount, idmap and lock COUNT times (erofs from the file, others on a loop device)
 *
 * A latency ends when the result is in hand (the maps are written; the locked mount's descriptor is there). Taking down what was
 * made follows outside of it, but inside the rate.
 */
#include "../measure.h"
#include <linux/loop.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

/* LOOP_CONFIGURE answers EBUSY when somebody else took the free device first. */
#define LOOP_TRIES 64

static const char *file_system, *image_path;
static int image = -1, loop_control = -1, namespace = -1, slot_socket[2];
static char stack[CHILD_STACK] __attribute__((aligned(16)));

/* ── AllocateUserRange */

struct joiner {
    int namespace, joined[2], release[2];
};

static int join_namespace(void *argument) {
    struct joiner *j = argument;
    char byte = 0;
    must(setns(j->namespace, CLONE_NEWUSER), "setns");
    must(write(j->joined[1], &byte, 1), "write");
    must(read(j->release[0], &byte, 1), "read");
    _exit(0);
}

static void write_file(pid_t pid, const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = (int)must(open(path, O_WRONLY | O_CLOEXEC), path);
    must(write(fd, text, strlen(text)), path);
    close(fd);
}

static void write_maps(int user_namespace, const char *map) {
    struct joiner j = {.namespace = user_namespace};
    char byte = 0;
    must(pipe2(j.joined, O_CLOEXEC), "pipe");
    must(pipe2(j.release, O_CLOEXEC), "pipe");
    pid_t child = (pid_t)must(clone(join_namespace, stack + sizeof stack, CLONE_VM | SIGCHLD, &j), "clone");
    must(read(j.joined[0], &byte, 1), "read");
    write_file(child, "uid_map", map);
    write_file(child, "gid_map", map);
    must(write(j.release[1], &byte, 1), "write");
    must(waitpid(child, NULL, 0), "waitpid");
    for (int i = 0; i < 2; i++) {
        close(j.joined[i]);
        close(j.release[i]);
    }
}

static void prepare_nothing(size_t client) {
    (void)client;
}

static void allocate(size_t client, uint64_t *ns, size_t each) {
    char map[64];
    for (size_t i = 0; i < each; i++) {
        int fresh = new_user_namespace();
        snprintf(map, sizeof map, "0 %zu 65536\n", (8 + (client * each + i) % 16384) * 65536);
        uint64_t start = now_ns();
        write_maps(fresh, map);
        ns[i] = now_ns() - start;
        close(fresh);
    }
}

/* ── MountImage */

static int configure_loop(char *path, size_t room) {
    struct loop_config config = {
        .fd = (unsigned)image,
        .block_size = 512,
        .info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR},
    };
    for (int i = 0; i < LOOP_TRIES; i++) {
        int number = (int)must(ioctl(loop_control, LOOP_CTL_GET_FREE), "LOOP_CTL_GET_FREE");
        snprintf(path, room, "/dev/loop%d", number);
        int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC), path);
        if (ioctl(fd, LOOP_CONFIGURE, &config) == 0) return fd;
        if (errno != EBUSY && errno != ENXIO) err(1, "LOOP_CONFIGURE");
        close(fd);
    }
    errx(1, "no free loop device");
}

static void set_string(int context, const char *key, const char *value) {
    must(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0), key);
}

/* A detached, idmapped mount of the image; its flags are not locked yet. */
static int mount_image(void) {
    char source[64];
    int loop = -1;
    if (strcmp(file_system, "erofs") == 0) snprintf(source, sizeof source, "/proc/self/fd/%d", image);
    else loop = configure_loop(source, sizeof source);
    int context = (int)must(syscall(SYS_fsopen, file_system, FSOPEN_CLOEXEC), "fsopen");
    set_string(context, "source", source);
    must(syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "ro", NULL, 0), "ro");
    must(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "create");
    int mount = (int)must(syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV), "fsmount");
    close(context);
    if (loop >= 0) close(loop);
    struct mount_attr idmap = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)namespace};
    must(syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &idmap, sizeof idmap), "mount_setattr");
    return mount;
}

static int clone_locked(void *argument) {
    (void)argument;
    must(setns(namespace, CLONE_NEWUSER), "setns");
    must(unshare(CLONE_NEWNS), "unshare");
    int locked = (int)must(syscall(SYS_open_tree, AT_FDCWD, "/slot", OPEN_TREE_CLONE | O_CLOEXEC), "open_tree");
    char byte = 0;
    send_bytes(slot_socket[1], &byte, 1, &locked, 1);
    _exit(0);
}

/* What makes a mount's flags stay: a mount namespace that the user namespace owns copies it, and we take a clone out of there. */
static int lock_mount(int mount, pid_t *child) {
    must(syscall(SYS_move_mount, mount, "", AT_FDCWD, "/slot", MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
    *child = (pid_t)must(clone(clone_locked, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL), "clone");
    char byte;
    int locked = -1;
    size_t count = 0;
    receive_bytes(slot_socket[0], &byte, 1, &locked, &count, 1);
    return locked;
}

/* A mount namespace with next to nothing in it, so that copying it costs next to nothing. */
static void enter_minimal_view(void) {
    char root[] = "/tmp/postern-floor-XXXXXX";
    must(unshare(CLONE_NEWNS), "unshare");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    if (mkdtemp(root) == NULL) err(1, "mkdtemp");
    must(mount("tmpfs", root, "tmpfs", 0, NULL), "tmpfs");
    must(chdir(root), "chdir");
    const char *folders[] = {"slot", "proc", "dev", "old"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) must(mkdir(folders[i], 0755), folders[i]);
    must(mount("/dev", "dev", NULL, MS_BIND, NULL), "dev");
    must(mount("proc", "proc", "proc", 0, NULL), "proc");
    must(syscall(SYS_pivot_root, ".", "old"), "pivot_root");
    must(chdir("/"), "chdir");
    char leftover[sizeof root + 4];
    snprintf(leftover, sizeof leftover, "/old%s", root);
    must(rmdir(leftover), "rmdir");
    must(umount2("/old", MNT_DETACH), "umount");
}

static void prepare_mounts(size_t client) {
    image = (int)must(open(image_path, O_RDONLY | O_CLOEXEC), image_path);
    enter_minimal_view();
    loop_control = (int)must(open("/dev/loop-control", O_RDWR | O_CLOEXEC), "/dev/loop-control");
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, slot_socket), "socketpair");
    namespace = new_user_namespace();
    char map[64];
    snprintf(map, sizeof map, "0 %zu 65536\n", (8 + client) * 65536);
    write_maps(namespace, map);
}

static void mount_and_lock(size_t client, uint64_t *ns, size_t each) {
    (void)client;
    for (size_t i = 0; i < each; i++) {
        pid_t child;
        uint64_t start = now_ns();
        int mount = mount_image();
        int locked = lock_mount(mount, &child);
        ns[i] = now_ns() - start;
        close(mount);
        must(waitpid(child, NULL, 0), "waitpid");
        must(umount2("/slot", MNT_DETACH), "umount");
        close(locked);
    }
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "allocate") == 0) {
        struct samples s = samples_new(number(argv[2]), number(argv[3]));
        samples_print(&s, run_clients(&s, prepare_nothing, allocate));
    } else if (argc == 6 && strcmp(argv[1], "mount") == 0) {
        file_system = argv[2];
        image_path = argv[3];
        struct samples s = samples_new(number(argv[4]), number(argv[5]));
        samples_print(&s, run_clients(&s, prepare_mounts, mount_and_lock));
    } else {
        errx(2, "usage: floor allocate CLIENTS COUNT | floor mount FILE-SYSTEM IMAGE CLIENTS COUNT");
    }
    return 0;
}
