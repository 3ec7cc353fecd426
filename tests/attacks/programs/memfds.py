"""Files without a name, in memory, which no limit of a directory applies to."""

import os

while True:
    os.write(os.memfd_create("x"), b"x" * 1_000_000)
