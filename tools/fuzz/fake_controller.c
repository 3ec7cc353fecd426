#include "fake_controller.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../images/supervisor/channels.h"
#include "../images/supervisor/frames.h"

enum { MAX_STAGES = 64 };

/* What a program wrote to a stream within its cap, or what has come of it, as a checksum. */
struct content {
	size_t left; /* bytes until the cap */
	uint64_t sum;
};

struct stage {
	struct content written[2], received[2]; /* stdout, stderr */
	bool ended;
	int status;
};

/* A queue of the stages without a verdict yet: the last verdict may still be on its way when the
 * next stage starts. */
static struct stage stages[MAX_STAGES];
static size_t first, count;

static unsigned char header[HEADER_SIZE];
static size_t header_used, payload_left;
static char payload[512]; /* its first bytes */
static size_t payload_used;
static bool faulted; /* a fault frame has come */
static size_t collections; /* without a COLLECTED yet */
static size_t channels;    /* whose end has not come yet */

void
require(bool condition, const char *promise)
{
	if (condition)
		return;
	fprintf(stderr, "BROKEN: %s\n", promise);
	abort();
}

void
controller_reset(void)
{
	first = count = 0;
	header_used = payload_left = payload_used = 0;
	faulted = false;
	collections = channels = 0;
}

void
controller_channel_opened(void)
{
	channels++;
}

void
controller_collection_started(void)
{
	collections++;
}

void
controller_stage_started(size_t stdout_cap, size_t stderr_cap)
{
	require(count < MAX_STAGES, "a case is short");
	stages[(first + count++) % MAX_STAGES] =
		(struct stage){.written = {{.left = stdout_cap}, {.left = stderr_cap}},
			       .received = {{.left = stdout_cap}, {.left = stderr_cap}}};
}

static void
add(struct content *content, const unsigned char *bytes, size_t size)
{
	for (size_t at = 0; at < size && content->left > 0; at++, content->left--)
		content->sum = (content->sum ^ bytes[at]) * 0x100000001b3;
}

void
controller_output_written(bool to_stderr, const void *bytes, size_t size)
{
	require(count > 0, "a program is of a stage");
	add(&stages[(first + count - 1) % MAX_STAGES].written[to_stderr], bytes, size);
}

void
controller_program_ended(int status)
{
	struct stage *last = &stages[(first + count - 1) % MAX_STAGES];

	require(count > 0 && !last->ended, "a program ends once");
	last->ended = true;
	last->status = status;
}

static void
check_verdict(const struct stage *stage)
{
	char limit[16];
	int code, number, oom_killed;

	payload[payload_used] = '\0';
	int fields = sscanf(payload, "code=%d\nsignal=%d\nlimit=%15s\noom=%d\n", &code, &number, limit,
			    &oom_killed);
	require(fields == 4, "a verdict is complete");
	require(stage->ended, "a verdict comes after the end");
	for (int stream = 0; stream < 2; stream++)
		require(stage->received[stream].left == stage->written[stream].left &&
				stage->received[stream].sum == stage->written[stream].sum,
			"all output comes, as it was written");
	require(oom_killed == (strcmp(limit, "memory") == 0), "memory runs out at its limit");
	if (strcmp(limit, "none") != 0) {
		require(number == 9, "a program over a limit is killed");
		return;
	}
	require(code == (WIFEXITED(stage->status) ? WEXITSTATUS(stage->status) : -1),
		"the exit code is the program's");
	require(number == (WIFSIGNALED(stage->status) ? WTERMSIG(stage->status) : 0),
		"the signal is the one that killed it");
}


static void
begin_frame(size_t size)
{
	struct stage *stage = &stages[first];

	require(!faulted, "no frame follows a fault");
	payload_left = size;
	payload_used = 0;
	switch (header[0]) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		require(count > 0, "output belongs to a stage");
		require(size > 0 && size <= MAX_CHUNK && size <= stage->received[header[0] == FRAME_STDERR].left,
			"output stays within its cap");
		break;
	case FRAME_CREDIT:
	case FRAME_VERDICT:
		require(count > 0 && size < sizeof payload, "a credit or verdict belongs to a stage");
		break;
	case FRAME_FOUND:
	case FRAME_CONTENT:
	case FRAME_DROPPED:
		require(collections > 0 && size <= MAX_CHUNK, "a file belongs to a collection");
		break;
	case FRAME_COLLECTED:
		require(collections > 0 && size > 0 && size < sizeof payload, "a collection ends once");
		collections--;
		break;
	case FRAME_ANSWER:
		require(size >= CHANNEL_HEADER_SIZE && size <= MAX_CHUNK, "an answer has its channel");
		break;
	case FRAME_FAULT_BOX:
	case FRAME_FAULT_FILE:
	case FRAME_FAULT_COMMAND:
	case FRAME_FAULT_RESIDUE:
		require(size < sizeof payload, "a fault's text is short");
		break;
	case FRAME_CLEAN:
		require(size == 0 && box_is_new(), "a clean box is as new");
		break;
	default:
		require(false, "a frame is of a known type");
	}
}

static void
end_frame(void)
{
	header_used = 0;
	if (header[0] == FRAME_FAULT_BOX || header[0] == FRAME_FAULT_FILE ||
	    header[0] == FRAME_FAULT_COMMAND || header[0] == FRAME_FAULT_RESIDUE)
		faulted = true;
	if (header[0] != FRAME_VERDICT)
		return;
	check_verdict(&stages[first]);
	first = (first + 1) % MAX_STAGES;
	count--;
}

void
controller_receive(const char *bytes, size_t size)
{
	while (size > 0) {
		if (header_used < HEADER_SIZE) {
			header[header_used++] = (unsigned char)*bytes++;
			size--;
			if (header_used == HEADER_SIZE)
				begin_frame((size_t)header[1] << 24 | (size_t)header[2] << 16 |
					    (size_t)header[3] << 8 | header[4]);
		} else {
			size_t part = size < payload_left ? size : payload_left;
			size_t kept = part < sizeof payload - payload_used - 1
					      ? part
					      : sizeof payload - payload_used - 1;
			memcpy(payload + payload_used, bytes, kept);
			if (header[0] == FRAME_STDOUT || header[0] == FRAME_STDERR)
				add(&stages[first].received[header[0] == FRAME_STDERR],
				    (const unsigned char *)bytes, part);
			payload_used += kept;
			payload_left -= part;
			bytes += part;
			size -= part;
		}
		if (header_used == HEADER_SIZE && payload_left == 0)
			end_frame();
	}
}

void
controller_supervisor_exited(int status, bool received_all, bool done)
{
	require(status == 0 || status == 2, "the supervisor exits with a documented status");
	if (!received_all)
		return;
	require(header_used == 0, "the last frame is complete");
	require(faulted == (status == 2), "status 2 comes with a fault frame, and only with one");
	require(!done || status == 2 || count == 0, "every stage has its verdict");
	require(!done || status == 2 || collections == 0, "every collection has its end");
}
