#include "input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"

static char ring[CREDIT_WINDOW];
static size_t start, used;

static int program = -1;
static bool ended; /* no more stdin comes */
static bool credited; /* a stage is active, so CREDIT frames are sent */
static size_t consumed; /* bytes since the last CREDIT frame */

void
input_open(int fd)
{
	program = fd;
	ended = false;
	credited = true;
	start = used = consumed = 0;
}

static void
consume(size_t size)
{
	char text[24];

	consumed += size;
	if (consumed < CREDIT_STEP || !credited)
		return;
	int length = snprintf(text, sizeof text, "%zu", consumed);
	frames_queue(FRAME_CREDIT, text, (size_t)length);
	consumed = 0;
}

void
input_close(void)
{
	if (program >= 0)
		close(program);
	program = -1;
	consume(used);
	used = 0;
}

void
input_end_credit(void)
{
	credited = false;
}

int
input_fd(void)
{
	return used > 0 ? program : -1;
}

void
input_write(void)
{
	while (program >= 0 && used > 0) {
		size_t straight = sizeof ring - start;
		size_t size = used < straight ? used : straight;
		ssize_t written = write(program, ring + start, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0) {
			input_close(); /* the program reads no more */
			return;
		}
		start = (start + (size_t)written) % sizeof ring;
		used -= (size_t)written;
		consume((size_t)written);
	}
	if (ended)
		input_close();
}

void
input_add(const char *data, size_t size)
{
	if (program < 0 || ended) {
		consume(size);
		return;
	}
	if (size > sizeof ring - used)
		fault(FAULT_BOX, "more stdin than there is credit for");
	for (size_t copied = 0; copied < size;) {
		size_t end = (start + used) % sizeof ring;
		size_t straight = sizeof ring - end;
		size_t part = size - copied < straight ? size - copied : straight;
		memcpy(ring + end, data + copied, part);
		used += part;
		copied += part;
	}
	input_write();
}

void
input_end(void)
{
	ended = true;
	input_write();
}
