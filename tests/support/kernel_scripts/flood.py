"""A kernel that sends output of anybody without an end, once it is asked."""

from frame import message, read, write

write(b"k", b"{}")
_, asked = read()
text = message("iopub", "stream", asked["header"], {"name": "stdout", "text": "x" * 100_000})
other = message("iopub", "stream", {}, {"name": "stdout", "text": "y" * 100_000})
while True:
    write(b"m", text)
    write(b"m", other)
