"""Reads every file again and again, to evict other programs' files from the page cache."""

import os
import time

end = time.monotonic() + 2
while time.monotonic() < end:
    for folder, _, names in os.walk("/usr"):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    file.read()
            except OSError:
                pass
        if time.monotonic() > end:
            break
print("done")
