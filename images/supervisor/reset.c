#include "reset.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleaner.h"
#include "clock.h"
#include "devices.h"
#include "frames.h"
#include "roots.h"
#include "tables.h"
#include "usage.h"

enum {
	FIRST_PAUSE = MILLISECOND,        /* doubled after each attempt */
	LONGEST_PAUSE = 256 * MILLISECOND, /* half a second in all */

	/* Bytes. Directory entries and inodes of the image that a program has used stay cached: less
	 * than one megabyte for the default languages. And for each processor the kernel charges some
	 * memory ahead, up to 64 pages. */
	CACHED = 2 << 20,
	CHARGED_AHEAD = 64 << 12,
};

static int64_t new_memory; /* bytes */
static bool active;
static int64_t next; /* ns */
static int64_t pause_length; /* ns */

void
reset_open(const struct identity *identity)
{
	roots_record(identity);
	devices_record();
	tables_record();
	new_memory = cgroup_memory_held();
}

void
reset_start(const struct identity *identity)
{
	int status = 0;

	pid_t cleaner = fork();
	if (cleaner < 0)
		fault(FAULT_RESIDUE, "cleaner: fork: %s", strerror(errno));
	if (cleaner == 0)
		cleaner_main(identity);
	while (waitpid(cleaner, &status, 0) < 0 && errno == EINTR)
		continue;
	if (status != 0)
		fault(FAULT_RESIDUE, "cleaner: status %#x", (unsigned)status);
	devices_restore();
	active = true;
	next = 0;
	pause_length = FIRST_PAUSE;
}

bool
reset_active(void)
{
	return active;
}

bool
reset_timeout(struct timespec *timeout)
{
	if (!active)
		return false;
	*timeout = clock_until(next);
	return true;
}

/* A word for what is left, which the controller counts; NULL if nothing is. */
struct residue {
	const char *word, *where;
};

static struct residue
find_residue(void)
{
	const char *changed;

	/* To all processes but this one, zombies included: there is none. */
	if (kill(-1, 0) == 0 || errno != ESRCH)
		return (struct residue){"processes", ""};
	if ((changed = roots_changed()) != NULL)
		return (struct residue){changed, ""};
	if (!devices_restored())
		return (struct residue){"directories", "/dev"};
	if ((changed = tables_changed()) != NULL)
		return (struct residue){"namespaces", changed};
	if (cgroup_memory_held() > new_memory + CACHED + CHARGED_AHEAD * usage_processors())
		return (struct residue){"memory", ""};
	return (struct residue){NULL, NULL};
}

void
reset_prove(void)
{
	if (!active || clock_now() < next)
		return;
	struct residue residue = find_residue();
	if (residue.word == NULL) {
		active = false;
		frames_queue(FRAME_CLEAN, "", 0);
		return;
	}
	if (pause_length > LONGEST_PAUSE)
		fault(FAULT_RESIDUE, "%s: %s", residue.word, residue.where);
	next = clock_now() + pause_length;
	pause_length *= 2;
}
