"""The description of the API is true: every route is in it, every example, and what is answered."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bitrun.api.app import create_app
from bitrun.api.openapi.document import document
from bitrun.config.settings import DIALECTS, Settings
from bitrun.service import configuration
from bitrun.service.service import Service
from tests.support.piston import package, request, write_catalogue
from tests.support.server import Server

DOCUMENT = document()
OPERATIONS = [
    (path, method, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
# What the pages themselves consist of is theirs alone.
_NO_API = ("/playground/",)


def test_it_is_openapi() -> None:
    validate(dict(DOCUMENT))


def test_every_route_is_in_it_and_nothing_else() -> None:
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in create_app(
            Service(configuration.read(Settings(dialects=DIALECTS)))
        ).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(_NO_API)
    }
    assert routes == {(path, method) for path, method, _ in OPERATIONS}


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            yield from keys(inner)


def test_no_comma_has_cut_a_sentence() -> None:
    assert not [key for key in keys(DOCUMENT) if " " in key]


def test_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text


# The examples


@dataclass(frozen=True)
class Example:
    path: str
    method: str
    media: str
    sent: Any
    status: int
    answer: Any


def described_examples() -> Iterator[Example]:
    for path, method, operation in OPERATIONS:
        bodies = operation.get("requestBody", {}).get("content")
        for media, content in (bodies or {"": {"examples": {"default": {}}}}).items():
            for key, example in content.get("examples", {}).items():
                for status, answer in answers(operation, key):
                    yield Example(path, method, media, example.get("value"), status, answer)


def answers(operation: Mapping[str, Any], key: str) -> Iterator[tuple[int, Any]]:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if key in content.get("examples", {}):
                yield int(status), content["examples"][key]["value"]


EXAMPLES = list(described_examples())


@pytest.fixture
def server(share: Callable[..., Server]) -> Server:
    """Return a service with all dialects."""
    return share(dialects=",".join(DIALECTS))


def parametrised(examples: list[Example]) -> Iterator[Any]:
    """Give each to a test; what is written in Ruby needs a real engine's image of it."""
    for each in examples:
        ruby = isinstance(each.sent, dict) and str(each.sent.get("filename")).endswith(".rb")
        marks = (pytest.mark.engine,) if ruby else ()
        yield pytest.param(each, id=f"{each.method} {each.path}", marks=marks)


def comparable(value: Any) -> Any:
    """Leave out what differs from run to run and from engine to engine."""
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if not isinstance(value, dict):
        return value
    varying = (
        "memory", "cpu_time", "wall_time", "version", "language_version", "runtimes", "id",
        "duration", "execution_time", "session_id", "storage_session_id",
        "continuation_token",
    )  # fmt: skip
    return {
        key: type(each).__name__ if key in varying else comparable(each)
        for key, each in value.items()
        if key != "cached"  # of a compilation that an example before has had made
    }


@pytest.mark.parametrize("example", list(parametrised(EXAMPLES)))
def test_an_example(server: Server, example: Example) -> None:
    body: dict[str, Any] = {"data" if "form" in example.media else "json": example.sent}
    url = server.url + example.path
    # As the operator's client: without tokens, only such requests change packages.
    headers = {"Origin": server.url}
    response = requests.request(example.method, url, headers=headers, timeout=60, **body)
    assert response.status_code == example.status, response.text
    if isinstance(example.answer, str):
        assert response.text == example.answer
        return
    answered, expected = comparable(response.json()), comparable(example.answer)
    if isinstance(expected, list):  # some of a list of many
        assert all(each in answered for each in expected)
    elif example.path.endswith("/config"):
        assert expected.items() <= answered.items()
    else:
        assert answered == expected


def test_no_example_is_left_out() -> None:
    for path, method, operation in OPERATIONS:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for example in content.get("examples", {}).values():
                assert any(
                    (each.path, each.method, each.sent) == (path, method, example["value"])
                    for each in EXAMPLES
                )


# Whatever is sent

# Not one of a language or of uploads that do not exist.
PROGRAM = {"language": "bash", "version": "*", "files": [{"content": "cat"}]}

CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SOUND = [*CONFORMANCE, not_a_server_error]


def answered_as_described(
    server: Server, path: str, method: str, checks: list[Any], count: int, *, fields: Any = None
) -> Counter[int]:
    """Send what the description allows, with and without these fields set, and what it does not.

    Returns:
        How often which status was answered.
    """
    operation = schemathesis.openapi.from_dict(dict(DOCUMENT))[path][method.upper()]
    modes = [GenerationMode.POSITIVE]
    if "requestBody" in DOCUMENT["paths"][path][method]:
        modes.append(GenerationMode.NEGATIVE)
    seen: Counter[int] = Counter()
    kinds: Counter[str | None] = Counter()
    for mode in modes:

        @settings(
            max_examples=count,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Case[Any]) -> None:
            # Every second one of each kind: kinds may come in turn.
            kinds[case.media_type] += 1
            if fields and isinstance(case.body, dict) and kinds[case.media_type] % 2:
                case.body |= fields
            response = case.call_and_validate(
                base_url=server.url, checks=checks, headers={"Origin": server.url}, timeout=60
            )
            seen[response.status_code] += 1

        check()
    return seen


@pytest.mark.engine
def test_anything_at_v1(serve: Callable[..., Server]) -> None:
    server = serve(v1_timeout=0.5)
    seen = answered_as_described(
        server, "/api/v1/run", "post", SOUND, 15, fields={"filename": "a.sh"}
    )
    assert seen.keys() == {200, 400}


@pytest.mark.engine
def test_anything_at_codapi(serve: Callable[..., Server]) -> None:
    server = serve(dialects="codapi", run_timeout=500)
    seen = answered_as_described(
        server, "/codapi/v1/exec", "post", SOUND, 12, fields={"sandbox": "bash"}
    )
    assert seen.keys() >= {200, 400}


@pytest.mark.engine
def test_anything_at_sandboxfusion(serve: Callable[..., Server]) -> None:
    server = serve(dialects="sandboxfusion", run_timeout=500)
    seen = answered_as_described(
        server, "/sandboxfusion/run_code", "post", SOUND, 12, fields={"language": "bash"}
    )
    assert seen.keys() >= {200, 400}
    judged: dict[str, Any] = {"dataset_type": "CommonOJDataset", "language": "bash"}
    judged |= {"provided_data": {"test": [{"input": {"stdin": ""}, "output": {"stdout": ""}}]}}
    seen = answered_as_described(
        server, "/sandboxfusion/submit", "post", SOUND, 12, fields={"config": judged}
    )
    assert seen.keys() >= {200, 400}


@pytest.mark.engine
def test_anything_at_dify(serve: Callable[..., Server]) -> None:
    server = serve(dialects="dify", run_timeout=500)
    path = "/dify/v1/sandbox/run"
    seen = answered_as_described(server, path, "post", SOUND, 12, fields={"code": "print()"})
    assert seen.keys() >= {200}


@pytest.mark.engine
def test_anything_at_librechat(serve: Callable[..., Server]) -> None:
    server = serve(dialects="librechat", run_timeout=500)
    url = "/librechat/v1/exec"
    fields = {"lang": "bash", "files": None}
    seen = answered_as_described(server, url, "post", SOUND, 12, fields=fields)
    assert seen.keys() >= {200, 400}
    url = "/librechat/v1/exec/programmatic"
    program: dict[str, Any] = {"code": "await f()", "tools": [{"name": "f"}], "files": None}
    program |= {"continuation_token": None, "lang": "py", "language": "py", "timeout": 500}
    seen = answered_as_described(server, url, "post", SOUND, 8, fields=program)
    assert seen.keys() >= {200, 400}
    for path in ("upload", "upload/batch"):
        seen = answered_as_described(server, f"/librechat/v1/{path}", "post", SOUND, 8)
        assert seen.keys() >= {400}


@pytest.mark.engine
def test_anything_at_judge0(serve: Callable[..., Server]) -> None:
    server = serve(dialects="judge0", run_timeout=500, max_batch_runs=3)
    fields = {"language_id": 46, "source_code": "cat", "number_of_runs": None}
    for path in ("/judge0/submissions", "/judge0/submissions/batch"):
        seen = answered_as_described(server, path, "post", SOUND, 15, fields=fields)
        assert seen.keys() >= {422}
    assert sum(seen.values()) > 15


@pytest.mark.engine
def test_anything_at_v2(serve: Callable[..., Server]) -> None:
    server = serve(run_timeout=500)
    seen = answered_as_described(
        server,
        "/api/v2/execute",
        "post",
        SOUND,
        12,
        fields=PROGRAM,
    )
    assert seen.keys() >= {200, 400}


@pytest.mark.engine
def test_anything_at_batches(serve: Callable[..., Server]) -> None:
    server = serve(run_timeout=500, max_batch_runs=3)
    seen = answered_as_described(
        server,
        "/api/v2/execute/batch",
        "post",
        SOUND,
        12,
        fields=PROGRAM | {"runs": [{"output_files": ["**"]}], "checker": None, "interactor": None},
    )
    assert seen.keys() >= {200, 400}


@pytest.mark.engine
def test_anything_at_mcp(server: Server) -> None:
    seen = answered_as_described(
        server, "/mcp", "post", SOUND, 8, fields={"id": 1, "method": "ping"}
    )
    assert seen.keys() >= {200, 400}


@pytest.mark.engine
def test_anything_at_packages(serve: Callable[..., Server], tmp_path: Path) -> None:
    # Piston's status for what is installed already is 500.
    languages = write_catalogue(tmp_path, package("tool", "test-openapi"))
    server = serve(languages=languages, images=tmp_path)
    for method in ("post", "delete"):
        seen = answered_as_described(
            server,
            "/api/v2/packages",
            method,
            CONFORMANCE,
            10,
            fields={"language": "tool", "version": "*"},
        )
        assert seen.keys() >= {404, 500}


@pytest.mark.parametrize(
    "path", [path for path, operations in DOCUMENT["paths"].items() if "get" in operations]
)
def test_what_is_only_asked(server: Server, path: str) -> None:
    seen = answered_as_described(server, path, "get", SOUND, 2)
    (status,) = seen
    assert status == (426 if path.endswith("/connect") else 404 if "{" in path else 200)


def test_refusals_are_described(serve: Callable[..., Server]) -> None:
    server = serve(api_tokens="a-token-of-some-length", max_body=2000, dialects=",".join(DIALECTS))
    for path, method, described in OPERATIONS:
        operation = schemathesis.openapi.from_dict(dict(DOCUMENT))[path][method.upper()]
        refusals: list[dict[str, Any]] = [{}]
        if operation.body:
            refusals += [{"data": b"x" * 3000}, {"data": b"x", "headers": {"Content-Type": "a/b"}}]
        for sent in refusals:
            response = requests.request(method, server.url + path, timeout=20, **sent)
            assert str(response.status_code) in described["responses"]
            operation.validate_response(response)


@pytest.mark.also_engine
def test_messages_of_a_session(server: Server) -> None:
    def validator(name: str) -> Draft202012Validator:
        schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        return Draft202012Validator(schema)

    sent = [
        {"type": "init"}
        | request("c", '#include <stdio.h>\nint main(void) { return puts("x") == EOF; }'),
        {"type": "data", "stream": "stdin", "data": "x"},
        {"type": "signal", "signal": "SIGCONT"},
        {"type": "eof"},
        {"type": "data", "stream": "stdin", "data": 5},
    ]
    assert [validator("ClientMessage").is_valid(each) for each in sent] == [True] * 4 + [False]
    url = f"ws{server.url.removeprefix('http')}/api/v2/connect"
    received = []
    for messages in (sent[:4], [sent[0] | {"language": "nosuch"}]):
        with connect(url) as websocket, pytest.raises(ConnectionClosed):  # noqa: PT012
            for message in messages:
                websocket.send(json.dumps(message))
            while True:
                received.append(json.loads(websocket.recv(30)))
    for message in received:
        validator("ServerMessage").validate(message)
    assert [each["type"] for each in received] == [
        "runtime", "stage", "exit", "stage", "data", "exit", "error",
    ]  # fmt: skip


# The page


class Page(HTMLParser):
    """What a page loads, links to and shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "style")
            if name == "id":
                self.ids.add(value or "")
            elif name == "href":
                self.links.add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def test_the_page_has_all_of_it(server: Server) -> None:
    response = server.get("/docs")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    page = Page(response.text)
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "form"}
    assert page.links == {f"#{each}" for each in page.ids} | {"openapi.json"}
    for path, _, operation in OPERATIONS:
        if not path.startswith("/api/v2/piston"):
            assert operation["operationId"] in page.ids
            assert operation["summary"] in page.text
            assert path in page.text
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert f"schema-{name}" in page.ids
        assert set(schema.get("properties", ())) <= set(re.findall(r"\w+", page.text))


def test_its_style_is_the_one_that_is_let_in(server: Server) -> None:
    response = server.get("/docs")
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert "url(" not in style
    assert "@import" not in style
