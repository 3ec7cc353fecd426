#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"
#include "writer.h"

static pid_t writer;
static int records_fd = -1; /* to the writer: FILE, DATA and MODE frames */
static int error_fd = -1;   /* from the writer: its error, or nothing */

static void
start_writer(const struct identity *identity)
{
	int records[2], error[2];

	if (pipe2(records, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
		fault(FAULT_BOX, "writer: %s", strerror(errno));
	writer = fork();
	if (writer < 0)
		fault(FAULT_BOX, "writer: %s", strerror(errno));
	if (writer == 0) {
		close(records[1]);
		close(error[0]);
		writer_main(identity, records[0], error[1]);
	}
	close(records[0]);
	close(error[1]);
	records_fd = records[1];
	error_fd = error[0];
}

void
files_forward(const struct identity *identity, char type, const char *payload, size_t size)
{
	struct writer_record record = {.size = (uint32_t)size, .type = type};

	if (writer == 0) {
		if (type != FRAME_FILE)
			fault(FAULT_BOX, "data came before its file");
		start_writer(identity);
	}
	if (type == FRAME_MODE && size != 2)
		fault(FAULT_BOX, "a mode frame holds two bytes");
	/* A writer that has failed closes the pipe; files_finish() reads its error. */
	if (!write_all(records_fd, (const char *)&record, sizeof record) ||
	    !write_all(records_fd, payload, size))
		files_finish();
}

bool
files_pending(void)
{
	return writer != 0;
}

void
files_finish(void)
{
	char error[256];
	int status = 0;

	if (writer == 0)
		return;
	close(records_fd);
	ssize_t got = read(error_fd, error, sizeof error - 1);
	close(error_fd);
	while (waitpid(writer, &status, 0) < 0 && errno == EINTR)
		continue;
	writer = 0;
	if (got > 0) {
		error[got] = '\0';
		fault(FAULT_FILE, "%s", error);
	}
	if (status != 0)
		fault(FAULT_BOX, "writer: status %#x", (unsigned)status);
}
