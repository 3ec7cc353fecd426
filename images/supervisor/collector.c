#include "collector.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"
#include "pattern.h"
#include "writer.h"

static int frames_fd;
static struct collector_limits limits;
static struct collector_limits used; /* of its `files` and `total_size` */
static size_t entries;		     /* looked at */
static size_t dropped;

/* One frame at a time, and the path of the entry that is looked at. */
static char frame[HEADER_SIZE + MAX_CHUNK];
static char path[MAX_PATH];

static void
send(enum frame_type type, size_t size)
{
	frames_put_header(frame, type, size);
	if (!write_all(frames_fd, frame, HEADER_SIZE + size))
		_exit(1);
}

_Noreturn static void
finish(const char *end)
{
	int size = snprintf(frame + HEADER_SIZE, MAX_CHUNK, "end=%s\nunlisted=%zu\n", end,
			    dropped > MAX_DROPPED ? dropped - MAX_DROPPED : 0);

	send(FRAME_COLLECTED, (size_t)size);
	_exit(0);
}

static void
drop(enum drop_reason reason)
{
	size_t length = strlen(path);

	if (dropped++ >= MAX_DROPPED)
		return;
	frame[HEADER_SIZE] = (char)reason;
	memcpy(frame + HEADER_SIZE + 1, path, length);
	send(FRAME_DROPPED, 1 + length);
}

static enum drop_reason
why_not_opened(void)
{
	return errno == EMFILE ? DROP_DEPTH : DROP_UNREADABLE;
}

static void
put_number(char *to, uint64_t value, size_t bytes)
{
	while (bytes-- > 0) {
		to[bytes] = (char)value;
		value >>= 8;
	}
}

/* Send what the file had when it was opened. False if it has less or more now. */
static bool
send_content(int fd, uint64_t left)
{
	while (left > 0) {
		ssize_t got = read(fd, frame + HEADER_SIZE, left < MAX_CHUNK ? left : MAX_CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		send(FRAME_CONTENT, (size_t)got);
		left -= (uint64_t)got;
	}
	return read(fd, frame + HEADER_SIZE, 1) == 0;
}

static void
collect_file(int folder, const char *name)
{
	struct stat status;

	if (used.files == limits.files) {
		drop(DROP_COUNT);
		return;
	}
	/* What it is was looked at before: to open some devices does something. No process is alive
	 * that could replace it, and if one did, the open would neither follow a link nor wait. */
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		drop(why_not_opened());
		return;
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		drop(DROP_CHANGED);
	} else if ((uint64_t)status.st_size > limits.file_size) {
		drop(DROP_FILE_SIZE); /* before a byte is read: most of it may be a hole */
	} else if ((uint64_t)status.st_size > limits.total_size - used.total_size) {
		drop(DROP_TOTAL_SIZE);
	} else {
		size_t length = strlen(path);
		used.files++;
		used.total_size += (uint64_t)status.st_size;
		put_number(frame + HEADER_SIZE, status.st_mode & 0777, 2);
		put_number(frame + HEADER_SIZE + 2, (uint64_t)status.st_size, 8);
		memcpy(frame + HEADER_SIZE + 10, path, length);
		send(FRAME_FOUND, 10 + length);
		if (!send_content(fd, (uint64_t)status.st_size))
			drop(DROP_CHANGED);
	}
	close(fd);
}

static void visit_folder(int folder, size_t length, unsigned depth, const struct position *position);

static void
enter(int parent, const char *name, size_t length, unsigned depth, const struct position *position)
{
	if (depth == MAX_DEPTH || length + 1 >= sizeof path) {
		drop(DROP_DEPTH);
		return;
	}
	int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0) {
		drop(why_not_opened());
		return;
	}
	path[length] = '/';
	visit_folder(folder, length + 1, depth + 1, position);
	close(folder);
}

/* Look at one entry of a folder, whose path with a slash is the first `length` bytes of `path`. */
static void
visit(int folder, const char *name, size_t length, unsigned depth, const struct position *position)
{
	struct position inside;
	struct stat status;
	size_t end = length + strlen(name);

	if (end >= sizeof path) {
		path[length] = '\0'; /* the folder, of which not everything can be named */
		drop(DROP_DEPTH);
		return;
	}
	strcpy(path + length, name);
	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		drop(DROP_UNREADABLE);
	else if (S_ISDIR(status.st_mode) && patterns_enter(position, name, &inside))
		enter(folder, name, end, depth, &inside);
	else if (S_ISREG(status.st_mode) && patterns_match(position, name))
		collect_file(folder, name);
	else if (!S_ISDIR(status.st_mode) && patterns_match(position, name))
		drop(DROP_NOT_REGULAR);
}

static void
visit_folder(int folder, size_t length, unsigned depth, const struct position *position)
{
	_Alignas(struct dirent64) char listed[4096];
	ssize_t got;

	while ((got = getdents64(folder, listed, sizeof listed)) > 0) {
		const struct dirent64 *entry;
		for (ssize_t at = 0; at < got; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(listed + at);
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (entries++ == MAX_ENTRIES)
				finish("entries");
			visit(folder, entry->d_name, length, depth, position);
		}
	}
}

void
collector_main(const struct identity *identity, const struct collector_limits *given, int out)
{
	/* It may have closed its work directory to itself. */
	const struct identity elsewhere = {.uid = identity->uid, .workdir = "/"};
	struct position position;

	alarm(COLLECT_SECONDS);
	frames_fd = out;
	limits = *given;
	if (!identity_assume(&elsewhere))
		_exit(1);
	int folder = open(identity->workdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		path[0] = '.';
		drop(why_not_opened());
		finish("complete");
	}
	patterns_begin(&position);
	visit_folder(folder, 0, 1, &position);
	finish("complete");
}
