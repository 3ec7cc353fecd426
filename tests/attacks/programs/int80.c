/* The kernel's other entry, where the numbers of the 64-bit calls mean other calls. */
int
main(void)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20)); /* getpid there, writev here */
	return result;
}
