/*
 * The counters of the box's own cgroup, v1 or v2: the only place that knows the CPU time of
 * processes already dead, the memory of all together, and whom the kernel killed for want of it.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Find the counters and keep them open. */
void cgroup_open(void);

/* False where the supervisor stands in no limited cgroup of its own, as in tests without Docker. */
bool cgroup_present(void);

int64_t cgroup_cpu_ns(void);
int64_t cgroup_memory_peak(void);
int64_t cgroup_oom_kills(void);

#endif
