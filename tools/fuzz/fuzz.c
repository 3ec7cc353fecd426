/* The entry of libFuzzer. */
#include "fake_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fake_kernel_run(data, size);
	return 0;
}
