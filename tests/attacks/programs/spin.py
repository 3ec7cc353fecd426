"""Keeps every processor busy."""

import os

for _ in range(2 * os.cpu_count()):
    if not os.fork():
        break
while True:
    pass
