#include "owner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../images/supervisor/frames.h"

enum { STAGES = 64 };

struct stage {
	size_t stdout_left, stderr_left;
	bool ended;
	int status;
};

/* What was started and has no verdict yet: the last verdict may still be on its way when the next
 * stage begins. */
static struct stage stages[STAGES];
static size_t first, count;

static unsigned char header[FRAME_HEADER];
static size_t header_used, payload_left;
static char payload[512]; /* the first bytes of it */
static size_t payload_used;
static bool parted; /* a fault was told */

void
require(bool condition, const char *promise)
{
	if (condition)
		return;
	fprintf(stderr, "BROKEN: %s\n", promise);
	abort();
}

void
owner_meets(void)
{
	first = count = 0;
	header_used = payload_left = payload_used = 0;
	parted = false;
}

void
owner_allows(size_t stdout_cap, size_t stderr_cap)
{
	require(count < STAGES, "a case is short");
	stages[(first + count++) % STAGES] =
		(struct stage){.stdout_left = stdout_cap, .stderr_left = stderr_cap};
}

void
owner_learns(int status)
{
	struct stage *last = &stages[(first + count - 1) % STAGES];

	require(count > 0 && !last->ended, "a program ends once");
	last->ended = true;
	last->status = status;
}

static void
verdict(const struct stage *stage)
{
	char limit[16];
	int code, number, told;

	payload[payload_used] = '\0';
	told = sscanf(payload, "code=%d\nsignal=%d\nlimit=%15s\n", &code, &number, limit);
	require(told == 3, "a verdict is complete");
	require(stage->ended, "a verdict comes after the end");
	if (strcmp(limit, "none") != 0) {
		require(number == 9, "a limit kills");
		return;
	}
	require(code == (WIFEXITED(stage->status) ? WEXITSTATUS(stage->status) : -1),
		"the exit code is the program's");
	require(number == (WIFSIGNALED(stage->status) ? WTERMSIG(stage->status) : 0),
		"the signal is the one that killed it");
}

static void
spend(size_t *left, size_t size)
{
	require(size <= FRAME_CHUNK && size <= *left, "output stays within its cap");
	*left -= size;
}

static void
frame_begins(size_t size)
{
	struct stage *stage = &stages[first];

	require(!parted, "nothing follows a fault");
	payload_left = size;
	payload_used = 0;
	switch (header[0]) {
	case FRAME_STDOUT:
		require(count > 0, "output belongs to a stage");
		spend(&stage->stdout_left, size);
		break;
	case FRAME_STDERR:
		require(count > 0, "output belongs to a stage");
		spend(&stage->stderr_left, size);
		break;
	case FRAME_CREDIT:
	case FRAME_VERDICT:
		require(count > 0 && size < sizeof payload, "a report belongs to a stage");
		break;
	case FRAME_FAULT_BOX:
	case FRAME_FAULT_FILE:
		require(size < sizeof payload, "a fault is told in few words");
		break;
	default:
		require(false, "a frame is of a known type");
	}
}

static void
frame_ends(void)
{
	header_used = 0;
	if (header[0] == FRAME_FAULT_BOX || header[0] == FRAME_FAULT_FILE)
		parted = true;
	if (header[0] != FRAME_VERDICT)
		return;
	verdict(&stages[first]);
	first = (first + 1) % STAGES;
	count--;
}

void
owner_hears(const char *bytes, size_t size)
{
	while (size > 0) {
		if (header_used < FRAME_HEADER) {
			header[header_used++] = (unsigned char)*bytes++;
			size--;
			if (header_used == FRAME_HEADER)
				frame_begins((size_t)header[1] << 24 | (size_t)header[2] << 16 |
					     (size_t)header[3] << 8 | header[4]);
		} else {
			size_t part = size < payload_left ? size : payload_left;
			size_t kept = part < sizeof payload - payload_used - 1
					      ? part
					      : sizeof payload - payload_used - 1;
			memcpy(payload + payload_used, bytes, kept);
			payload_used += kept;
			payload_left -= part;
			bytes += part;
			size -= part;
		}
		if (header_used == FRAME_HEADER && payload_left == 0)
			frame_ends();
	}
}

void
owner_parts(int status, bool heard, bool done)
{
	require(status == 0 || status == 2, "the supervisor exits as it says");
	if (!heard)
		return;
	require(header_used == 0, "the last frame is complete");
	require(parted == (status == 2), "a fault is told, and nothing else ends a box");
	require(!done || status == 2 || count == 0, "every stage has its verdict");
}
