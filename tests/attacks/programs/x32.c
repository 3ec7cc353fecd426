/* The third set of numbers that one kernel may answer to. */
#include <sys/syscall.h>
#include <unistd.h>

int
main(void)
{
	return (int)syscall(0x40000000 + SYS_getpid);
}
