/*
 * Counters of the box's own cgroup, v1 or v2. Only they have the CPU time of processes that are
 * already dead, the memory of all processes together, and the kills by the kernel's OOM killer.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Find the counters' files and keep them open. */
void cgroup_open(void);

/* Leave the counters of CPU time and memory, where they are not those of a stage's processes only: the
 * cgroup counts as not present. Its limit and its kills stay readable. */
void cgroup_leave(void);

/* False if the supervisor is in no limited cgroup of its own, as in tests without Docker. */
bool cgroup_present(void);

int64_t cgroup_cpu_ns(void);
int64_t cgroup_user_ns(void); /* what of it was not spent in the kernel */

/* Processes and threads; 0 if there is no limit. */
int64_t cgroup_process_limit(void);

/* Bytes. The limit is 0 if there is none, and may change between stages. */
int64_t cgroup_memory_limit(void);
int64_t cgroup_memory_usage(void);
int64_t cgroup_memory_peak(void);

/* The part of the usage that is not page cache of the image's files, which the kernel takes back
 * when there is need of memory. */
int64_t cgroup_memory_held(void);

struct cgroup_memory {
	int64_t file;     /* bytes: of the image's files, as far as they are charged to this cgroup */
	int64_t kernel;   /* bytes: of the kernel's own */
	int64_t refaults; /* pages of files that were read again soon after they were driven out */
	int64_t major_faults; /* page faults that had to wait for a disk */
};
void cgroup_memory_read(struct cgroup_memory *memory);

/* Whether the buffers of TCP and UDP count as memory: in v2. */
bool cgroup_charges_sockets(void);

int64_t cgroup_oom_kills(void);

#endif
