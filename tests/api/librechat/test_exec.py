"""LibreChat's Code API: a run, its files and those of the next one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bitrun.api.librechat.languages import LANGUAGES
from bitrun.api.librechat.outputs import PATTERNS
from bitrun.execution.uploads import is_id
from bitrun.sandbox.supervisor.collection import check_patterns
from tests.support.server import Server
from tests.support.tokens import ADMIN, RUN


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    limits = ("run_timeout", "run_cpu_time", "compile_timeout", "compile_cpu_time")
    slow = dict.fromkeys(limits, 60_000)
    return share(dialects="librechat", api_tokens=f"{RUN} {ADMIN}", **slow)


def call(server: Server, method: str, path: str, key: str = RUN, **options: Any) -> Any:
    url = f"{server.url}/librechat/v1/{path}"
    return requests.request(method, url, headers={"X-API-Key": key}, timeout=120, **options)


def run(server: Server, code: str, lang: str = "py", **fields: Any) -> dict[str, Any]:
    response = call(server, "POST", "exec", json={"lang": lang, "code": code} | fields)
    assert response.status_code == 200, response.text
    reply = response.json()
    assert isinstance(reply, dict)
    assert is_id(reply["session_id"])
    return reply


def output(reply: dict[str, Any]) -> str:
    assert reply["stderr"] == "", reply
    assert reply["code"] == 0
    return str(reply["stdout"])


def upload(server: Server, *files: tuple[str, bytes], **fields: str) -> list[dict[str, str]]:
    """Store files; return what a request names them by."""
    parts = [("file", file) for file in files]
    reply = call(server, "POST", "upload", data=fields, files=parts).json()
    assert reply["message"] == "success", reply
    group = reply["storage_session_id"]
    return [
        {"id": each["fileId"], "name": each["filename"], "storage_session_id": group}
        | {"resource_id": "u", "kind": "user"}
        for each in reply["files"]
    ]


def content(server: Server, file: dict[str, str]) -> bytes:
    response = call(server, "GET", f"download/{file['storage_session_id']}/{file['id']}")
    assert response.status_code == 200, response.text
    found: bytes = response.content
    return found


def names(reply: dict[str, Any], **also: Any) -> list[str]:
    return [file["name"] for file in reply["files"] if also.items() <= file.items()]


@pytest.mark.also_engine
def test_files_go_from_run_to_run(server: Server) -> None:
    first = run(server, "import os; open('/mnt/data/a.csv', 'w').write('1'); print(os.getcwd())")
    assert output(first) == "/mnt/data\n"
    (made,) = first["files"]
    assert made.keys() == {"id", "name", "storage_session_id"}
    assert (made["name"], made["storage_session_id"]) == ("a.csv", first["session_id"])
    assert content(server, made) == b"1"
    second = run(server, "print(open('/mnt/data/a.csv').read())", files=[made])
    assert output(second) == "1\n"
    assert second["files"] == [made | {"inherited": True}]
    third = run(server, "open('a.csv', 'a').write('2')", files=[made])
    (changed,) = third["files"]
    assert changed["modified_from"] == {
        "id": made["id"], "storage_session_id": first["session_id"],
    }  # fmt: skip
    assert (changed["name"], changed["storage_session_id"]) == ("a.csv", third["session_id"])
    assert [content(server, file) for file in (made, changed)] == [b"1", b"12"]


def test_only_files_with_a_known_ending_come_back(server: Server) -> None:
    code = """
import os
for name in "a.PNG b.jpeg c.xlsx d.tsv e.json f.yml out/g.txt h i.o j.pyc k.class l.tmp".split():
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    open(name, "w").write(name)
"""
    assert names(run(server, code)) == [
        "a.PNG", "b.jpeg", "c.xlsx", "d.tsv", "e.json", "f.yml", "out/g.txt",
    ]  # fmt: skip
    check_patterns(PATTERNS)


def test_files_of_one_name_are_all_there(server: Server) -> None:
    (old,) = upload(server, ("data.csv", b"old"))
    (new,) = upload(server, ("data.csv", b"new"))
    (folder,) = upload(server, ("data.csv/x", b"x"))
    code = "import glob\nfor name in sorted(glob.glob('*')): print(name, open(name).read()[:3])"
    reply = run(server, code, files=[old, new, new, folder, old])
    assert sorted(names(reply, inherited=True)) == ["data.csv/x", "data_1.csv", "data_2.csv"]
    reply = run(server, code, files=[old, new])
    assert output(reply) == "data.csv new\ndata_1.csv old\nmain.py imp\n"
    # Not even that of the program.
    (main,) = upload(server, ("main.py", b"X = 5"))
    assert output(run(server, "import main; print(main.X, __file__)", files=[main])) == (
        "5 /mnt/data/main_1.py\n"
    )


def test_what_is_read_only_stays_as_it_was(server: Server) -> None:
    (skill,) = upload(server, ("skill/run.sh", b"echo 1"), read_only="true", kind="skill")
    code = """
import os
print(oct(os.stat('skill/run.sh').st_mode & 0o777))
os.remove('skill/run.sh')
open('skill/run.sh', 'w').write('changed')
"""
    reply = run(server, code, files=[skill])
    assert output(reply) == "0o444\n"
    assert [(file["id"], file.get("inherited")) for file in reply["files"]] == [(skill["id"], True)]


def test_a_program_that_fails_says_how_on_stderr(server: Server) -> None:
    reply = run(server, "print('out'); import sys; print('err', file=sys.stderr); sys.exit(3)")
    assert (reply["stdout"], reply["stderr"]) == ("out\n", "err\nExited with error status 3\n")
    assert (reply["code"], reply["status"]) == (3, "RE")


def test_a_limit_is_named(share: Callable[..., Server]) -> None:
    server = share(dialects="librechat", api_tokens=RUN, output_limit=1000)
    reply = run(server, "print('x' * 5000)")
    assert reply["stderr"] == "Output limit exceeded: 1000 bytes on stdout\n"
    assert (reply["message"], reply["status"]) == ("stdout length exceeded", "OL")


def test_files_that_are_not_kept_are_named(share: Callable[..., Server]) -> None:
    server = share(
        dialects="librechat", api_tokens=RUN, max_output_files=2, max_output_file_size=100_000
    )
    code = """
import os
open("big.txt", "w").write("x" * 100_001)
os.symlink("/etc/passwd", "link.txt")
os.mkfifo("fifo.txt")
open("ok.txt", "w").write("1")
"""
    reply = run(server, code)
    assert names(reply) == ["ok.txt"]
    assert sorted(reply["stderr"].splitlines()) == [
        "big.txt is not kept: At most 100000 bytes of a file are sent",
        "fifo.txt is not kept: It is a link, fifo, socket or device; only regular files are sent",
        "link.txt is not kept: It is a link, fifo, socket or device; only regular files are sent",
    ]
    assert reply["code"] == 0


def test_a_store_that_is_full_costs_the_file_only(share: Callable[..., Server]) -> None:
    server = share(dialects="librechat", api_tokens=RUN, upload_bytes=0)
    reply = run(server, "open('a.txt', 'w').write('1'); print('done')")
    assert (reply["stdout"], reply["files"]) == ("done\n", [])
    assert reply["stderr"].startswith("a.txt is not kept: An upload may have 0 bytes")


def test_a_change_that_can_not_be_kept_leaves_the_original(
    share: Callable[..., Server], tmp_path: Path
) -> None:
    server = share(
        dialects="librechat", api_tokens=RUN, upload_folder=tmp_path / "uploads",
        upload_bytes_per_client=65_536,
    )  # fmt: skip
    (file,) = upload(server, ("a.txt", b"1"))
    reply = run(server, "open('a.txt', 'a').write('2')", files=[file])
    assert "a.txt is not kept: Your uploads may take 65536 bytes" in reply["stderr"]
    assert [each["id"] for each in reply["files"]] == [file["id"]]
    assert content(server, file) == b"1"


def test_arguments(server: Server) -> None:
    reply = run(server, "import sys; print(sys.argv[1:])", args=["a b", "-x", ""])
    assert output(reply) == "['a b', '-x', '']\n"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"lang": "klingon"}, "No language is called klingon"),
        ({"lang": "r"}, "Package is not installed: rscript. The operator installs it with:"),
        (
            {"files": [{"id": "a" * 21, "storage_session_id": "b" * 21, "name": "x.csv"}]},
            f"There is no upload {'a' * 21} of x.csv: send it again if it has expired",
        ),
    ],
)
def test_the_model_sees_what_it_can_mend(
    server: Server, fields: dict[str, Any], sentence: str
) -> None:
    """The tool shows the model nothing of a reply with another status than 200."""
    reply = run(server, **{"code": "print()", "lang": "py"} | fields)
    assert reply["stderr"].startswith(sentence)
    assert (reply["code"], reply["stdout"], reply["files"]) == (127, "", [])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"lang": None}, 'lang is required: the name of a language, such as "py"'),
        ({"code": 5}, "code is required as a string"),
        ({"code": "\ud800"}, "code is no valid Unicode"),
        ({"args": "a"}, "If specified, args must be an array of strings"),
        ({"args": ["a\0"]}, "args[0] holds a NUL, which no argument can hold"),
        ({"files": {}}, "If specified, files must be an array"),
        ({"files": [1]}, "files[0] must be an object"),
        ({"files": [{}] * 201}, "files may have 200 entries at most, and has 201"),
        (
            {"files": [{"id": "1234", "storage_session_id": "b" * 21, "name": "x"}]},
            "files[0].id must be an id, as an upload or a run has returned",
        ),
        (
            {"files": [{"id": "a" * 21, "session_id": "b" * 21, "name": "../x"}]},
            "files[0].name must stay within the directory: ../x",
        ),
    ],
)
def test_refusals(server: Server, fields: dict[str, Any], sentence: str) -> None:
    response = call(server, "POST", "exec", json={"lang": "py", "code": ""} | fields)
    assert response.status_code == 400
    assert response.json() == {"error": sentence}


def test_keys_and_rates(server: Server, share: Callable[..., Server]) -> None:
    response = call(server, "POST", "exec", key="wrong", json={})
    assert response.status_code == 401
    assert response.json().keys() == {"error"}
    assert server.get("/librechat/v1/health").json() == {"status": "ok"}
    limited = share(dialects="librechat", api_tokens=RUN, rate_limit="1/day")
    run(limited, "")
    response = call(limited, "POST", "exec", json={})
    assert response.status_code == 429
    reply = response.json()
    assert reply["error"] == "rate_limited"
    assert reply["retry_after_seconds"] == int(response.headers["Retry-After"]) > 1000


def test_a_signed_token(share: Callable[..., Server], tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    keys = tmp_path / "keys.pem"
    keys.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    server = share(dialects="librechat", jwt_keys=keys)
    now = int(time.time())
    claims = {"iss": "librechat", "aud": "codeapi", "sub": "user-1", "iat": now, "exp": now + 60}
    replies = [
        requests.post(
            f"{server.url}/librechat/v1/exec",
            json={"lang": "py", "code": "print(1)"},
            headers={"Authorization": f"Bearer {jwt.encode(each, key, 'EdDSA')}"},
            timeout=60,
        )
        for each in (claims, claims | {"aud": "else"})
    ]
    assert [reply.status_code for reply in replies] == [200, 401]
    assert server.get("/librechat/v1/health").ok


# What prints ok, and what the compiler leaves none of.
HELLO = {
    "py": "print('ok')",
    "js": "console.log('ok')",
    "ts": "const x: string = 'ok'; console.log(x)",
    "c": '#include <stdio.h>\nint main(void) { puts("ok"); }',
    "cpp": '#include <iostream>\nint main() { std::cout << "ok\\n"; }',
    "java": 'public class Main { public static void main(String[] a) { System.out.println("ok"); } }',
    "php": '<?php echo "ok\\n";',
    "rs": 'fn main() { println!("ok"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("ok") }',
    "d": 'import std.stdio; void main() { writeln("ok"); }',
    "f90": "program p\n write(*, '(a)') 'ok'\nend program",
    "r": 'cat("ok\\n")',
    "bash": "echo ok",
}


def test_a_program_of_every_language() -> None:
    assert HELLO.keys() == LANGUAGES.keys()


@pytest.mark.engine
@pytest.mark.parametrize("lang", HELLO)
def test_languages(server: Server, lang: str) -> None:
    reply = run(server, HELLO[lang], lang)
    if "Package is not installed" in reply["stderr"]:
        assert lang not in ("py", "js", "c", "cpp", "bash"), reply["stderr"]
        return
    assert output(reply) == "ok\n"
    assert reply["files"] == []
