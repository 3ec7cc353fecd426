/* The kernel's x32 entry, a third set of system call numbers. */
#include <sys/syscall.h>
#include <unistd.h>

int
main(void)
{
	return (int)syscall(0x40000000 + SYS_getpid);
}
