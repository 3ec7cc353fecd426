#include "cleaner.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roots.h"
#include "tables.h"

/* All that fits into the box is removed in a tenth of a second, if the machine has one to spare. */
static const unsigned LONGEST_SECONDS = 5;

static bool failed;
static size_t removed; /* System V objects */

static bool
is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Remove the entries of the current directory; false, in a subdirectory, if that has entries of its
 * own. */
static bool
empty_level(void)
{
	_Alignas(struct dirent64) char entries[4096];
	ssize_t got;

	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		_exit(1);
	while ((got = getdents64(fd, entries, sizeof entries)) > 0) {
		const struct dirent64 *entry;
		for (ssize_t at = 0; at < got; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(entries + at);
			/* Not by its type: unlink() follows no link, and fails for a directory. */
			if (is_self_or_parent(entry->d_name) || unlink(entry->d_name) == 0 ||
			    rmdir(entry->d_name) == 0)
				continue;
			if (chmod(entry->d_name, 0700) < 0 || chdir(entry->d_name) < 0)
				_exit(1);
			close(fd);
			return false;
		}
	}
	close(fd);
	return true;
}

/* Empty a directory, with one descriptor and without paths: what is in it may be deeper than either
 * allows. `..` is safe, since no other process is alive. */
static void
empty_directory(const char *path)
{
	if (chdir(path) < 0)
		return;
	for (unsigned depth = 0;;) {
		if (!empty_level()) {
			depth++;
			continue;
		}
		if (depth-- == 0)
			return;
		if (chdir("..") < 0)
			_exit(1);
	}
}

/* Attributes of an inode that its owner may set, such as "no dump". The directories are new without
 * any, and only their owner can look. */
static void
clear_flags(const char *path)
{
	int flags = 0;

	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags != 0) {
		flags = 0;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
			failed = true;
	}
	close(fd);
}

static void
note(int result)
{
	if (result < 0)
		failed = true;
	else
		removed++;
}

static void
remove_shared_memory(const char *row)
{
	int id;

	if (sscanf(row, "%*d %d", &id) == 1)
		note(shmctl(id, IPC_RMID, NULL));
}

static void
remove_semaphores(const char *row)
{
	int id;

	if (sscanf(row, "%*d %d", &id) == 1)
		note(semctl(id, 0, IPC_RMID));
}

static void
remove_queue(const char *row)
{
	int id;

	if (sscanf(row, "%*d %d", &id) == 1)
		note(msgctl(id, IPC_RMID, NULL));
}

static void
remove_objects(const char *table, void (*reader)(const char *row))
{
	do {
		removed = 0;
		tables_rows(table, reader);
	} while (removed > 0 && !failed);
}

void
cleaner_main(const struct identity *identity)
{
	/* It may have closed its work directory to itself. */
	const struct identity elsewhere = {.uid = identity->uid, .workdir = "/"};

	/* Nothing here waits; but if it did, the supervisor would not notice the controller's end. */
	alarm(LONGEST_SECONDS);
	if (!identity_assume(&elsewhere))
		_exit(1);
	roots_restore(); /* their modes, to get in */
	for (size_t at = 0; at < roots_count(); at++) {
		empty_directory(roots_path(at));
		clear_flags(roots_path(at));
	}
	remove_objects("/proc/sysvipc/shm", remove_shared_memory);
	remove_objects("/proc/sysvipc/sem", remove_semaphores);
	remove_objects("/proc/sysvipc/msg", remove_queue);
	roots_restore(); /* their times, which all this has changed */
	_exit(failed);
}
