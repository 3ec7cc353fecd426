"""Duplicates its streams without end, which the supervisor handles each time."""

import os

while True:
    os.dup2(1, 1)
