#include "memory.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "clock.h"
#include "small_file.h"

enum {
	PAGE = 4096, /* bytes; on a machine with larger ones all sizes are too small */

	/* Between looks at the cgroup's use, which take 15 us. Most programs are over before two. */
	FIRST = 8 * MILLISECOND,
	SHORTEST = 4 * MILLISECOND,
	LONGEST = 25 * MILLISECOND,

	/* A sample takes 100 us, and 15 for each process. The first is taken when the use has grown by
	 * so much or the stage is so old, the others after each sixteenth. */
	GROWTH = 4 << 20,
	ONCE = 20 * MILLISECOND,

	/* The kernel charges a processor 64 pages in advance: what a sample may be too large by. */
	ACCURACY = 512 << 10,

	FIRST_MARK = 250 * MILLISECOND,
};

static int64_t started, next_check; /* ns */
static int64_t largest_process; /* bytes: the peak of the largest process reaped */
static int64_t sampled; /* bytes: the largest sample */
static int64_t mapped;  /* bytes: of the image's files, by one process, in the last sample */
static int64_t peak_base, next_sample; /* bytes, of the cgroup's use */
static bool sampled_once;

/* What was read and used when, to see what came since. */
static struct mark {
	int64_t time; /* ns; 0 for none */
	int64_t user_ns;
	struct cgroup_memory memory;
} older, newer;

static const char *
read_process(const char *process, const char *file)
{
	static char text[4096];
	char path[64];

	snprintf(path, sizeof path, "/proc/%.20s/%s", process, file);
	small_file_read(path, text, sizeof text);
	return text;
}

/* Read a process's resident memory, and what of it is of files and of shared memory. */
static bool
read_resident(const char *process, int64_t *resident, int64_t *shared)
{
	unsigned pages, of_files;

	if (sscanf(read_process(process, "statm"), "%*u %9u %9u", &pages, &of_files) != 2)
		return false;
	*resident = (int64_t)pages * PAGE;
	*shared = (int64_t)of_files * PAGE;
	return true;
}

/* Memory of the supervisor itself. */
static int64_t
own_memory(void)
{
	int64_t resident, shared;

	return read_resident("self", &resident, &shared) ? resident - shared : 0;
}

/* Return how much of the image's files the process has mapped that has most of them. */
static int64_t
mapped_files(void)
{
	static DIR *processes;
	struct dirent *entry;
	char name[24] = "";
	int64_t largest = 0, resident, shared;
	unsigned kilobytes;

	if (processes == NULL)
		processes = opendir("/proc");
	else
		rewinddir(processes);
	while (processes != NULL && (entry = readdir(processes)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    strcmp(entry->d_name, "1") == 0 ||
		    !read_resident(entry->d_name, &resident, &shared) || shared <= largest)
			continue;
		largest = shared;
		snprintf(name, sizeof name, "%.20s", entry->d_name);
	}
	/* Shared memory and files in the box's memory are charged to it: not to be counted twice. */
	const char *found = strstr(read_process(name, "status"), "\nRssFile:");
	return found != NULL && sscanf(found, " RssFile: %9u kB", &kilobytes) == 1
		       ? kilobytes * INT64_C(1024)
		       : 0;
}

/* What the stage has of the cgroup's use of `use` bytes. */
static int64_t
stage_memory(int64_t use, const struct cgroup_memory *memory)
{
	static int64_t own;

	if (own == 0)
		own = own_memory();
	return use - memory->file - memory->kernel - own + mapped - ACCURACY;
}

static void
take_sample(int64_t use)
{
	struct cgroup_memory memory;

	cgroup_memory_read(&memory);
	mapped = mapped_files();
	int64_t size = stage_memory(use, &memory);
	if (size > sampled)
		sampled = size;
	next_sample = use + use / 16;
	sampled_once = true;
}

void
memory_start(int64_t now)
{
	started = now;
	next_check = cgroup_present() ? now + FIRST : INT64_MAX;
	next_sample = cgroup_memory_usage() + GROWTH;
	peak_base = cgroup_memory_peak();
	largest_process = sampled = mapped = 0;
	sampled_once = false;
	older.time = newer.time = 0;
}

void
memory_reaped(const struct rusage *usage)
{
	int64_t resident = usage->ru_maxrss * INT64_C(1024);

	if (resident > largest_process)
		largest_process = resident;
}

int64_t
memory_due(void)
{
	return next_check;
}

static void
take_mark(struct mark *mark, int64_t now)
{
	mark->time = now;
	mark->user_ns = cgroup_user_ns();
	cgroup_memory_read(&mark->memory);
}

void
memory_check(int64_t now)
{
	if (now < next_check)
		return;
	int64_t use = cgroup_memory_usage(), age = now - started;
	if (use > next_sample || (!sampled_once && age >= ONCE))
		take_sample(use);
	/* Each time that its age has doubled. */
	if (age >= FIRST_MARK && (newer.time == 0 || age >= 2 * (newer.time - started))) {
		older = newer;
		take_mark(&newer, now);
	}
	int64_t wait = age / 4 < LONGEST ? age / 4 : LONGEST;
	next_check = now + (wait > SHORTEST ? wait : SHORTEST);
}

bool
memory_thrashes(int64_t now)
{
	const struct mark *since = older.time > 0 ? &older : &newer;
	struct mark end;

	if (since->time == 0 || now <= since->time)
		return false;
	take_mark(&end, now);
	int64_t limit = cgroup_memory_limit(), duration = now - since->time;
	int64_t read_again = (end.memory.refaults - since->memory.refaults) * PAGE;
	int64_t faults = end.memory.major_faults - since->memory.major_faults;
	int64_t turnover = end.memory.file > 4 << 20 ? end.memory.file : 4 << 20;

	/* In a second it reads all that it has of its image again, in ten faults or more: one that reads
	 * files with read() makes none. And it hardly gets to run. Measured with g++ and node in a half
	 * of what they need: 4 to 30 times, in 40 to 200 faults, for a tenth of the time. */
	if (cgroup_memory_usage() < limit - limit / 16 ||
	    read_again < turnover * (duration / MILLISECOND) / 1000 ||
	    faults < duration / (SECOND / 10) || end.user_ns - since->user_ns > duration / 2)
		return false;
	sampled = limit;
	return true;
}

int64_t
memory_peak(void)
{
	int64_t size = sampled > largest_process ? sampled : largest_process;
	int64_t top = cgroup_memory_usage(), peak = cgroup_memory_peak();

	/* At the limit the kernel drives out files, and nothing tells how many there were before. */
	if (peak > peak_base && peak > top && peak < cgroup_memory_limit())
		top = peak;
	if (top + mapped - ACCURACY > size) {
		struct cgroup_memory memory;
		/* What the box holds of the image's files only grows: at the peak there were no more. */
		cgroup_memory_read(&memory);
		int64_t at_top = stage_memory(top, &memory);
		if (at_top > size)
			size = at_top;
	}
	return size;
}
