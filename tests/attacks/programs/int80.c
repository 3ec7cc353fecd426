/* The kernel's 32-bit entry, where the same numbers mean other system calls. */
int
main(void)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20)); /* getpid there, writev here */
	return result;
}
