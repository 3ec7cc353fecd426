"""Children that nobody buries, and grandchildren whose parents are gone."""

import os

for _ in range(2000):
    try:
        if not os.fork():
            os.fork()
            os._exit(0)
    except OSError:
        try:
            os.wait()
        except ChildProcessError:
            pass
print("made")
