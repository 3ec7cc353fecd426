"""As many descriptors as there can be, in as many processes."""

import os
import time

for _ in range(50):
    if not os.fork():
        break
try:
    while True:
        os.pipe()
except OSError:
    time.sleep(1.5)
