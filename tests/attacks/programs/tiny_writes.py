"""A million writes of one byte, to both streams in turn."""

import os

for _ in range(500_000):
    os.write(1, b"x")
    os.write(2, b"x")
