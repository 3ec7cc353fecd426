"""A kernel whose messages are of no type that Jupyter knows, and whose parts are no JSON."""

from frame import message, read, write

deep = b'{"a":' * 100_000
many = b'{"data": {"a": [' + b"[]," * 600_000 + b"[]]}}"
write(b"k", b"[1, 2")
while True:
    kind, asked = read()
    if kind == b"q":
        break
    if asked is None or asked["header"]["msg_type"] != "execute_request":
        continue
    parent = asked["header"]
    for content in (
        deep, many, b"", b"\xff", b"[]", b'{"n": ' + b"9" * 10_000 + b"}",
        {"name": "stdout", "text": 5}, {"name": ["stdout"], "text": "a"}, {"text": None},
        {"data": "text", "metadata": [], "transient": 1}, {"data": {"text/plain": {"a": [1]}}},
        {"execution_state": ["idle"], "execution_count": "3"}, {"ename": {}, "traceback": [1, "a"]},
        {"execution_state": "dead"}, {"prompt": 1, "wait": 7}, {"name": "stdout", "text": "\ud800"},
    ):  # fmt: skip
        for channel, msg_type in (
            ("iopub", "stream"), ("iopub", "display_data"), ("iopub", "execute_result"),
            ("iopub", "update_display_data"), ("iopub", "clear_output"), ("iopub", "error"),
            ("iopub", "execute_input"), ("iopub", "status"), ("stdin", "input_request"),
            ("shell", "no_such_type"), ("control", "debug_event"),
        ):  # fmt: skip
            write(b"m", message(channel, msg_type, parent, content))
    write(b"m", message("shell", "execute_reply", {"msg_id": "another's"}, {"status": "ok"}))
    write(b"m", message("shell", "execute_reply", parent, {"status": 5, "execution_count": {}}))
    write(b"m", message("iopub", "status", parent, {"execution_state": "idle"}))
