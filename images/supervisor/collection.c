#include "collection.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector.h"
#include "frames.h"
#include "pattern.h"

enum { LIMITS_SIZE = 4 + 8 + 8 }; /* bytes of a COLLECT frame before its patterns */

static pid_t collector;
static int fd = -1; /* from the collector: its frames */
static char waiting[HEADER_SIZE + MAX_CHUNK];
static size_t waiting_size;
static char report[64]; /* the payload of COLLECTED */
static size_t report_size;

static uint64_t
number(const char *from, size_t bytes)
{
	uint64_t value = 0;

	for (size_t at = 0; at < bytes; at++)
		value = value << 8 | (unsigned char)from[at];
	return value;
}

void
collection_start(const struct identity *identity, char *payload, size_t size)
{
	int ends[2];

	if (size < LIMITS_SIZE)
		fault(FAULT_BOX, "a collection without limits");
	const struct collector_limits limits = {
		.files = (uint32_t)number(payload, 4),
		.file_size = number(payload + 4, 8),
		.total_size = number(payload + 12, 8),
	};
	patterns_parse(payload + LIMITS_SIZE, size - LIMITS_SIZE);
	if (pipe2(ends, O_CLOEXEC) < 0 ||
	    fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK) < 0)
		fault(FAULT_BOX, "collector: %s", strerror(errno));
	collector = fork();
	if (collector < 0)
		fault(FAULT_BOX, "collector: %s", strerror(errno));
	if (collector == 0) {
		close(ends[0]);
		collector_main(identity, &limits, ends[1]);
	}
	close(ends[1]);
	fd = ends[0];
	waiting_size = report_size = 0;
}

bool
collection_active(void)
{
	return collector != 0;
}

int
collection_fd(void)
{
	return frames_room() ? fd : -1;
}

static void
pass_on(char type, char *payload, size_t size)
{
	switch (type) {
	case FRAME_FOUND:
	case FRAME_CONTENT:
	case FRAME_DROPPED:
		frames_queue((enum frame_type)type, payload, size);
		break;
	case FRAME_COLLECTED:
		if (size > sizeof report)
			fault(FAULT_BOX, "the collector sent a report of %zu bytes", size);
		memcpy(report, payload, size);
		report_size = size;
		break;
	default:
		fault(FAULT_BOX, "the collector sent a frame of type %d", type);
	}
}

static void
report_early_end(const char *text)
{
	report_size = strlen(text);
	memcpy(report, text, report_size);
}

static void
finish(void)
{
	int status = 0;

	close(fd);
	fd = -1;
	while (waitpid(collector, &status, 0) < 0 && errno == EINTR)
		continue;
	collector = 0;
	/* Half a frame of it may be left, and it has cost nothing but the file that it was of. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		report_early_end("end=time\nunlisted=0\n");
	else if (status != 0 || report_size == 0)
		report_early_end("end=failed\nunlisted=0\n");
	frames_queue(FRAME_COLLECTED, report, report_size);
}

void
collection_transfer(void)
{
	ssize_t got = read(fd, waiting + waiting_size, sizeof waiting - waiting_size);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		finish();
		return;
	}
	/* As many bytes at most as frames_room() has promised. */
	waiting_size += (size_t)got;
	size_t taken = frames_parse(waiting, waiting_size, pass_on);
	waiting_size -= taken;
	memmove(waiting, waiting + taken, waiting_size);
	if (waiting_size == sizeof waiting)
		fault(FAULT_BOX, "the collector sent a frame that is too long");
}
