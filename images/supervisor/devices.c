#include "devices.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "times.h"

enum { MOST = 64, LONGEST_PATH = 64 }; /* a container has some twenty, none of them longer */

static struct device {
	char path[LONGEST_PATH];
	struct timespec times[2]; /* of the last access and modification */
} devices[MOST];
static size_t count;

static bool
read_times(const char *path, struct timespec times[2])
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return false;
	times[0] = status.st_atim;
	times[1] = status.st_mtim;
	return true;
}

static void
record(const char *path)
{
	if (count == MOST || strlen(path) >= LONGEST_PATH || !read_times(path, devices[count].times))
		return;
	strcpy(devices[count++].path, path);
}

static void
record_directory(const char *path)
{
	char entry_path[LONGEST_PATH + NAME_MAX];
	struct dirent *entry;

	record(path);
	DIR *directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			record(entry_path);
	}
	if (directory != NULL)
		closedir(directory);
}

void
devices_record(void)
{
	record_directory("/dev");
	record_directory("/dev/pts");
	devices_restore(); /* it has read both */
}

void
devices_restore(void)
{
	for (const struct device *device = devices; device < devices + count; device++)
		(void)utimensat(AT_FDCWD, device->path, device->times, AT_SYMLINK_NOFOLLOW);
}

bool
devices_restored(void)
{
	struct timespec now[2];

	for (const struct device *device = devices; device < devices + count; device++)
		if (!read_times(device->path, now) || !times_same(now[0], device->times[0]) ||
		    !times_same(now[1], device->times[1]))
			return false;
	return true;
}
