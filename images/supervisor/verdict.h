/*
 * The verdict: the report of a finished stage, and its encoding.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

struct verdict {
	int status; /* of wait(2) */
	enum limit limit;
	bool oom_killed;
	int64_t wall_ns, cpu_ns;
	int64_t memory; /* bytes */
};

/* Queue the VERDICT frame, lines of key=value; docs/protocol.md lists the keys. */
void verdict_queue(const struct verdict *verdict);

#endif
