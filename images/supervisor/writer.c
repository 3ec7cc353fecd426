#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frames.h"

bool
write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, data, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data += put;
		size -= (size_t)put;
	}
	return true;
}

static bool
read_all(int fd, char *buffer, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, buffer, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buffer += got;
		size -= (size_t)got;
	}
	return true;
}

static void
make_parents(char *path)
{
	for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755); /* the open that follows reports the error */
		*slash = '/';
	}
}

/* Open a regular file for writing. An earlier stage, or a process in a shared box, may have put
 * something else in its place, or a lease on it: it is not waited for. */
static int
open_file(const char *path)
{
	struct stat status;

	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (file < 0 || (fstat(file, &status) == 0 && S_ISREG(status.st_mode)))
		return file;
	close(file);
	errno = ENXIO; /* as for a socket, or a fifo that nobody reads */
	return -1;
}

void
writer_main(const struct identity *identity, int records, int error)
{
	static char payload[MAX_PAYLOAD + 1];
	static char path[MAX_PAYLOAD + 1];
	struct writer_record record;
	int file = -1;

	if (!identity_assume(identity))
		_exit(126);
	while (read_all(records, (char *)&record, sizeof record) &&
	       read_all(records, payload, record.size)) {
		bool written;
		if (record.type == FRAME_FILE) {
			memcpy(path, payload, record.size);
			path[record.size] = '\0';
			make_parents(path);
			if (file >= 0)
				close(file);
			file = open_file(path);
			written = file >= 0;
		} else if (record.type == FRAME_MODE) {
			written = fchmod(file, (mode_t)((unsigned char)payload[0] << 8 |
							(unsigned char)payload[1])) == 0;
		} else {
			written = write_all(file, payload, record.size);
		}
		if (!written) {
			dprintf(error, "%s: %.200s", strerrorname_np(errno), path);
			_exit(1);
		}
	}
	_exit(0);
}
