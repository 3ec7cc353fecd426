"""Children that are never reaped, and grandchildren whose parents are gone."""

import os

for _ in range(2000):
    try:
        if not os.fork():
            try:
                os.fork()
            finally:
                os._exit(0)
    except OSError:
        os.wait()
print("made")
