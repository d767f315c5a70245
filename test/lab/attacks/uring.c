/* The same creations, carried out by the kernel on behalf of the ring's submitter. */
#include "attack.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Submits one entry and waits for what came of it. */
static int submit(struct io_uring_sqe entry)
{
	struct io_uring_params p = { 0 };
	int ring = syscall(SYS_io_uring_setup, 2, &p);
	if (ring < 0)
		return errno;
	size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	size_t cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *entries =
		mmap(NULL, p.sq_entries * sizeof entry, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
		return errno;
	entries[0] = entry;
	((unsigned *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return errno;
	struct io_uring_cqe *done = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return done->res < 0 ? -done->res : 0;
}

static int ring_open(void)
{
	return submit((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
					     .fd = AT_FDCWD,
					     .addr = (uintptr_t) "by-ring",
					     .len = 0644,
					     .open_flags = O_CREAT | O_EXCL | O_WRONLY });
}

/* forced to a worker thread of the ring */
static int ring_open_by_worker(void)
{
	return submit((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT,
					     .flags = IOSQE_ASYNC,
					     .fd = AT_FDCWD,
					     .addr = (uintptr_t) "by-worker",
					     .len = 0644,
					     .open_flags = O_CREAT | O_EXCL | O_WRONLY });
}

static int ring_mkdir(void)
{
	return submit((struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t) "ring-folder", .len = 0755 });
}

static int ring_link(void)
{
	return submit((struct io_uring_sqe){ .opcode = IORING_OP_LINKAT,
					     .fd = AT_FDCWD,
					     .len = AT_FDCWD,
					     .addr = (uintptr_t) "mine",
					     .addr2 = (uintptr_t) "ring-link" });
}

static int ring_symlink(void)
{
	return submit((struct io_uring_sqe){
		.opcode = IORING_OP_SYMLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t) "target", .addr2 = (uintptr_t) "ring-symlink" });
}

const struct attack uring_attacks[] = {
	{ "io_uring openat", ring_open },
	{ "io_uring openat by a worker", ring_open_by_worker },
	{ "io_uring mkdirat", ring_mkdir },
	{ "io_uring linkat", ring_link },
	{ "io_uring symlinkat", ring_symlink },
	{ NULL, NULL },
};
