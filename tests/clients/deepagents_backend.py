"""Uses deepagents' own tools for files and commands: `deepagents_backend.py URL`, prints JSON."""

import json
import sys

from bitrun.client import Client
from bitrun.client.deepagents import DeepAgentsSandbox

with Client(sys.argv[1]) as client, client.sandbox("python") as sandbox:
    backend = DeepAgentsSandbox(sandbox)
    written = backend.write("/box/notes/a.txt", "one\ntwo\n")
    edited = backend.edit("/box/notes/a.txt", "two", "three")
    large = backend.edit("/box/notes/a.txt", "one", "1" * 200_000)
    back = backend.edit("/box/notes/a.txt", "1" * 200_000, "one")
    read = backend.read("/box/notes/a.txt")
    files = [("/box/b.bin", b"\xff\x00"), ("/tmp/deep/c.bin", b"\xfe"), ("/etc/d", b"x")]
    uploaded = [each.error for each in backend.upload_files(files)]
    paths = ["/box/b.bin", "/tmp/deep/c.bin", "/box/none", "/tmp/none", "/box/notes"]
    downloaded = [each.error or list(each.content or b"") for each in backend.download_files(paths)]
    failed = backend.execute("echo out; echo err >&2; exit 3")
    late = backend.execute("echo begun; sleep 60", timeout=1)
    result = {
        "id": backend.id == sandbox.id,
        "written": written.error,
        "edited": [edited.error, large.error, back.error],
        "read": read.file_data["content"] if read.file_data else read.error,
        "listed": sorted(each["path"] for each in backend.ls("/box").entries or ()),
        "grep": [
            (each["path"], each["line"]) for each in backend.grep("three", "/box").matches or ()
        ],
        "glob": [each["path"] for each in backend.glob("**/*.txt", "/box").matches or ()],
        "uploaded": uploaded,
        "downloaded": downloaded[:4],
        "folder": isinstance(downloaded[4], str),
        "failed": [failed.output, failed.exit_code],
        "late": [late.output, late.exit_code],
    }
sys.stdout.write(json.dumps(result))
