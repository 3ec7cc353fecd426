"""Fills every writable directory with empty files."""

import errno

for folder in ("/box", "/tmp", "/dev/shm"):
    try:
        for number in range(10_000):
            open(f"{folder}/{number}", "x").close()
    except OSError as error:
        assert error.errno == errno.ENOSPC
    else:
        print("there is no end in", folder)
print("full")
