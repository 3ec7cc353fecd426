"""A kernel that prints its code; "die" ends it, "hang" has it never answer."""

import os

from frame import message, read, write

count = 0
write(b"k", b'{"status": "ok", "implementation": "echo"}')
while True:
    kind, asked = read()
    if kind == b"q" or (asked and asked["content"].get("code") == "die"):
        os._exit(3)
    if kind == b"i" or asked["content"].get("code") == "hang":
        continue
    parent = asked["header"]
    count += 1
    busy, idle = ({"execution_state": state} for state in ("busy", "idle"))
    code = asked["content"].get("code", "")
    write(b"m", message("iopub", "status", parent, busy))
    if code == "busy":
        continue
    write(b"m", message("iopub", "execute_input", parent, {"code": code, "execution_count": count}))
    write(b"m", message("iopub", "stream", parent, {"name": "stdout", "text": code}))
    reply = {"status": "ok", "execution_count": count}
    write(b"m", message(asked["channel"], "execute_reply", parent, reply))
    write(b"m", message("iopub", "status", parent, idle))
