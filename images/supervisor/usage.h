/*
 * CPU time and memory of the running stage: what its box has used since the stage began.
 */
#ifndef USAGE_H
#define USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A stage begins: what was used before is not counted. */
void usage_start(void);

/* Its main process was started. */
void usage_main_process(pid_t pid);

/* A process of the stage was reaped. */
void usage_reaped(pid_t pid, const struct rusage *usage);

/* CPU time of all its processes, ns. */
int64_t usage_cpu_ns(void);

/* Peak of its memory, bytes. */
int64_t usage_memory(void);

/* How many processors the machine had when this was first asked: the kernel tells by a file. */
int64_t usage_processors(void);

/* Whether the kernel has killed a process of it because memory ran out. */
bool usage_oom_killed(void);

#endif
