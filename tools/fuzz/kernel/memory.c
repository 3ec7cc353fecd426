/*
 * The supervisor's static memory. A supervisor lives once; here it must start anew for each case, so
 * its .data and .bss, in sections of their own (see the Makefile), are set back.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

extern char __start_state_data[], __stop_state_data[], __start_state_bss[], __stop_state_bss[];

/* The sanitizer's own memcpy() would object to the red zones between the variables. */
__attribute__((no_sanitize("address", "undefined"), no_builtin)) static void
copy(char *to, const char *from, size_t size)
{
	for (size_t at = 0; at < size; at++)
		to[at] = from == NULL ? 0 : from[at];
}

static char *
page(char *at)
{
	uintptr_t size = (uintptr_t)sysconf(_SC_PAGESIZE);

	return (char *)(((uintptr_t)at + size - 1) & ~(size - 1));
}

void
memory_reset(void)
{
	static char *data;
	size_t size = (size_t)(__stop_state_data - __start_state_data);
	char *start = page(__start_state_bss), *stop = page(__stop_state_bss) - sysconf(_SC_PAGESIZE);

	if (data == NULL) {
		data = malloc(size);
		copy(data, __start_state_data, size);
		return;
	}
	copy(__start_state_data, data, size);
	/* The buffers are large, and most of their pages were never touched: the kernel gives new
	 * zeroes. */
	copy(__start_state_bss, NULL, (size_t)(start - __start_state_bss));
	if (madvise(start, (size_t)(stop - start), MADV_DONTNEED) < 0)
		abort();
	copy(stop, NULL, (size_t)(__stop_state_bss - stop));
}
