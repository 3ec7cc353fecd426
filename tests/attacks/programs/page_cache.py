"""Every file there is, read over and over, so that others' are dropped from the cache."""

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
