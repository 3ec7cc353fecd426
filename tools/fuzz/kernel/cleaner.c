/*
 * The cleaner child, and what it finds. Its code runs inside of the supervisor's waitpid(). Each
 * directory has at most one entry, a directory.
 */
#include "../../images/supervisor/cleaner.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kernel.h"

static const char NAME[] = "d";

void
cleaner_run(void)
{
	const struct identity identity = {.uid = 20000, .workdir = "/box"};

	kernel.cleaner.running = true;
	kernel.cleaner.depth = 0;
	if (setjmp(kernel.cleaner.exit) == 0)
		cleaner_main(&identity);
	kernel.cleaner.running = kernel.cleaner.alive = false;
}

bool
box_is_new(void)
{
	const int64_t caches = (2 << 20) + PROCESSORS * (64 << 12);

	return kernel.program.alive || (kernel.residue == 0 && kernel.levels == 0 &&
					kernel.table_size == 0 && (!kernel.cgroup || kernel.usage <= caches));
}

int
fake_chdir(const char *path)
{
	if (!kernel.cleaner.running)
		return 0;
	if (strcmp(path, NAME) == 0)
		kernel.cleaner.depth++;
	else if (strcmp(path, "..") == 0)
		kernel.cleaner.depth--;
	else
		kernel.cleaner.depth = 0;
	require(kernel.cleaner.depth <= kernel.levels, "a directory exists");
	return 0;
}

ssize_t
fake_getdents64(int fd, void *buffer, size_t size)
{
	struct descriptor *directory = descriptor(fd);
	struct dirent64 *entry = buffer;
	const size_t length = sizeof *entry;

	require(kernel.cleaner.running && size >= length, "the cleaner reads directories");
	if (directory->read++ > 0 || kernel.cleaner.depth >= kernel.levels)
		return 0;
	memset(entry, 0, length);
	entry->d_reclen = (unsigned short)length;
	strcpy(entry->d_name, NAME);
	return (ssize_t)length;
}

int
fake_unlink(const char *path)
{
	(void)path;
	return (int)fail(EISDIR);
}

int
fake_rmdir(const char *path)
{
	require(kernel.cleaner.running && strcmp(path, NAME) == 0, "only entries are removed");
	if (kernel.levels > kernel.cleaner.depth + 1)
		return (int)fail(ENOTEMPTY);
	kernel.levels--;
	return 0;
}

int
fake_stat(const char *path, struct stat *status)
{
	(void)path;
	*status = (struct stat){.st_mode = S_IFDIR | ((kernel.residue & A_MODE) != 0 ? 0777 : 0700)};
	return 0;
}

int
fake_lstat(const char *path, struct stat *status)
{
	return fake_stat(path, status);
}

int
fake_statfs(const char *path, struct statfs *room)
{
	(void)path;
	*room = (struct statfs){.f_bfree = (kernel.residue & A_FILE) != 0 ? 9 : 10};
	room->f_ffree = 100 - kernel.levels;
	return 0;
}

ssize_t
fake_listxattr(const char *path, char *names, size_t size)
{
	static const char ATTRIBUTES[] = "user.a\0user.b";

	(void)path;
	if ((kernel.residue & AN_ATTRIBUTE) == 0)
		return 0;
	require(size >= sizeof ATTRIBUTES, "names have room");
	memcpy(names, ATTRIBUTES, sizeof ATTRIBUTES);
	return sizeof ATTRIBUTES;
}

/* Removes a whole table, or the box has no such object. */
static int
remove_object(void)
{
	require(kernel.cleaner.running, "the cleaner removes objects");
	kernel.table_size = 0;
	return 0;
}

#define REMOVES(call) int fake_##call(void) { return remove_object(); }
REMOVES(shmctl)
REMOVES(semctl)
REMOVES(msgctl)

#define SUCCEEDS(call) int fake_##call(void) { return 0; }
SUCCEEDS(removexattr)
SUCCEEDS(utimensat)
