"""Endless output on stderr."""

import os

while True:
    os.write(2, b"x" * 65536)
