"""A million writes of a byte, to either stream in turn."""

import os

for _ in range(500_000):
    os.write(1, b"x")
    os.write(2, b"x")
