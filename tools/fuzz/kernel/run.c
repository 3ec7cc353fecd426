/* One case, from the supervisor's start to its exit. */
#include <string.h>

#include "../fake_kernel.h"
#include "kernel.h"

struct kernel kernel;
char controller_bytes[MAX_SENT];
char writer_bytes[2 * MAX_SENT];

int supervisor_main(int argc, char **argv);

void
fake_kernel_run(const uint8_t *data, size_t size)
{
	char *argv[] = {"supervisor", "20000", "/box", NULL};

	memory_reset();
	memset(&kernel, 0, sizeof kernel);
	pipes_reset();
	kernel.events = data;
	kernel.events_left = size;
	kernel.clock = 1000000000000;
	kernel.cgroup = size > 0 && (*data | 0x20) == 'c';
	kernel.no_terminals = size > 0 && (*data | 0x20) == 'p';
	kernel.no_packets = size > 0 && (*data | 0x20) == 'd';
	kernel.small_pipes = size > 0 && *data == '-';
	descriptor_open(READS, NULL);
	descriptor_open(WRITES, NULL);
	controller_reset();
	if (setjmp(kernel.exit) == 0)
		supervisor_main(3, argv);
	stage_payload_free();
}
