/*
 * Peak of a stage's memory, and whether it has too little to go on.
 *
 * The peak is the resident memory of the stage's processes together, pages that they share counted
 * once, with the files in the box's memory; never less than that of the largest process. No counter
 * of the kernel has it:
 *
 * - The resident set of the largest process, which wait4() reports, is exact. It is the answer for
 *   all that have one process.
 * - The cgroup's use of memory has all processes and all files. But the pages of the image are
 *   charged to the box that has read them first, not to the one that uses them: with the first run
 *   of a language a small program had twice the memory of the second. They are subtracted, and what
 *   the processes have mapped of them is added. This is a sample of a moment: the supervisor takes
 *   one when the use has grown.
 * - The cgroup's peak misses no moment. But it can't be reset from inside, and has what came before
 *   the stage: it counts only where it has risen since.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* A stage begins. */
void memory_start(int64_t now);

/* A process of the stage was reaped. */
void memory_reaped(const struct rusage *usage);

/* When the next check is due, see clock.h; INT64_MAX for never. */
int64_t memory_due(void);
void memory_check(int64_t now);

/* Whether the stage spends its time on reading pages of its image again that the memory limit has
 * just driven out. A program for which the limit is far too small does so until its time limit. */
bool memory_thrashes(int64_t now);

/* Bytes. */
int64_t memory_peak(void);

#endif
