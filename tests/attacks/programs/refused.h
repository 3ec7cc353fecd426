/* Shared by the attacks in C: prints each attempt that is not refused with the expected error. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refusals;

static void
refused(const char *what, long result, int how)
{
	if (result >= 0)
		printf("%s: got through\n", what);
	else if (errno != how)
		printf("%s: %s instead of %s\n", what, strerrorname_np(errno), strerrorname_np(how));
	else
		refusals++;
}

static int
report(int tries)
{
	printf("%d of %d refused\n", refusals, tries);
	return refusals != tries;
}

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
