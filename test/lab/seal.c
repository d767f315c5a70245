/*
 * What an administrator does with fs-verity.
 *   seal file FILE [SIGNATURE]    seals a file (SHA-256, blocks of 4 KiB), with a signature where one is given
 *   seal trust CERTIFICATE        puts a certificate (DER) into the kernel's `.fs-verity` keyring
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM 16384

static size_t contents(const char *path, void *room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, room, ROOM);
	if (length < 0)
		err(1, "%s", path);
	close(fd);
	return (size_t)length;
}

static void seal(const char *path, const char *signature)
{
	static char room[ROOM];
	struct fsverity_enable_arg how = { .version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096 };
	if (signature) {
		how.sig_size = (uint32_t)contents(signature, room);
		how.sig_ptr = (uintptr_t)room;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_ENABLE_VERITY, &how) < 0)
		err(1, "%s", path);
}

/* The keyring has no number that is known beforehand. */
static int32_t keyring(void)
{
	FILE *keys = fopen("/proc/keys", "re");
	char line[512];
	while (keys && fgets(line, sizeof line, keys))
		if (strstr(line, " .fs-verity:"))
			return (int32_t)strtoul(line, NULL, 16);
	errx(1, "this kernel has no .fs-verity keyring");
}

static void trust(const char *certificate)
{
	static char room[ROOM];
	size_t length = contents(certificate, room);
	if (syscall(SYS_add_key, "asymmetric", "", room, length, keyring()) < 0)
		err(1, "add_key");
}

int main(int count, char **words)
{
	if (count >= 3 && strcmp(words[1], "file") == 0)
		seal(words[2], words[3]);
	else if (count == 3 && strcmp(words[1], "trust") == 0)
		trust(words[2]);
	else
		errx(2, "usage: seal file FILE [SIGNATURE] | seal trust CERTIFICATE");
	return 0;
}
