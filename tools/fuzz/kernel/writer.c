/*
 * The writer child and its files. Its code runs inside of the supervisor's read() of its error, with
 * the bytes it was sent until then.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../../images/supervisor/frames.h"
#include "../../images/supervisor/writer.h"
#include "kernel.h"

bool
writer_failed(void)
{
	struct writer_record first;

	if (!kernel.writer.disk_full || kernel.writer.received < sizeof first)
		return false;
	memcpy(&first, writer_bytes, sizeof first);
	return kernel.writer.received >= sizeof first + first.size;
}

void
writer_run(void)
{
	const struct identity identity = {.uid = 20000, .workdir = "/box"};

	kernel.writer.running = true;
	if (setjmp(kernel.writer.exit) == 0)
		writer_main(&identity, -1, -1);
	kernel.writer.running = kernel.writer.alive = false;
	kernel.writer.error->writers--;
	kernel.writer.zombie = true;
}

int
fake_open(const char *path, int flags, ...)
{
	(void)flags;
	if (!kernel.writer.running)
		return file_open(path);
	require(strlen(path) <= MAX_PAYLOAD, "a path ends");
	if (kernel.writer.disk_full)
		return (int)fail(ENOSPC);
	if (*path == '\0')
		return (int)fail(ENOENT);
	if (strlen(path) >= 4096)
		return (int)fail(ENAMETOOLONG);
	if (path[strlen(path) - 1] == '/')
		return (int)fail(EISDIR);
	return DESCRIPTORS;
}

int
fake_fstat(int fd, struct stat *status)
{
	(void)fd;
	status->st_mode = S_IFREG;
	return 0;
}

int
fake_mkdir(const char *path, mode_t mode)
{
	(void)mode;
	require(strlen(path) <= MAX_PAYLOAD, "a folder's path ends");
	return 0;
}

int
fake_dprintf(int fd, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	(void)fd;
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	require(length >= 0 && (size_t)length < sizeof text, "a child's error is short");
	pipe_put(kernel.writer.error, text, (size_t)length);
	return length;
}
