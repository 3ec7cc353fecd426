"""Fields that no dialect knows: such requests run, but batches, and the replies name them."""

import pytest
import requests

from bitrun.api.openapi.document import document
from bitrun.api.piston import batch_request, files
from bitrun.api.piston import request as piston_request
from bitrun.api.v1.fields import NAMES
from tests.support.piston import PREFIXES, call, message, reply, request
from tests.support.server import Server
from tests.support.terminal import Terminal

HEADER = "X-BitRun-Warnings"
SENTENCE = "Unknown field: run_timout; did you mean run_timeout?"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_v2(server: Server, prefix: str) -> None:
    body = request("bash", "echo 1", run_timout=1)
    body["files"][0]["nam"] = "x"
    response = call(server, "POST", f"{prefix}/execute", body)
    expected = [SENTENCE, "Unknown field: files[0].nam; did you mean name?"]
    assert response.json()["warnings"] == expected
    assert response.json()["run"]["stdout"] == "1\n"
    assert response.headers[HEADER] == ", ".join(expected)


def test_without_any(server: Server) -> None:
    assert "warnings" not in reply(server, "bash", "echo 1")
    response = server.run(filename="a.sh", content="x")
    assert HEADER not in response.headers


def test_a_refusal_has_the_header(server: Server) -> None:
    response = call(server, "POST", "/api/v2/execute", {"lnguage": "bash"})
    assert message(response) == "language is required as a string"
    assert response.headers[HEADER] == "Unknown field: lnguage; did you mean language?"


def test_packages(server: Server) -> None:
    body = {"language": "bash", "version": "*", "verison": "5"}
    response = call(server, "POST", "/api/v2/packages", body)
    assert response.headers[HEADER] == "Unknown field: verison; did you mean version?"


def test_a_session(server: Server) -> None:
    with Terminal(server) as terminal:
        terminal.init("bash", "echo 1", run_timout=1)
        first = terminal.receive()
        assert (first["type"], first["warnings"]) == ("runtime", [SENTENCE])
        assert terminal.rest()[-1]["type"] == "exit"


@pytest.mark.parametrize("form", ["data", "json", "params"])
def test_v1(server: Server, form: str) -> None:
    fields = {"filename": "a.sh", "content": "echo 1", "stdn": "x", "a\r\nb: c": "d"}
    response = requests.post(f"{server.url}/api/v1/run", timeout=30, **{form: fields})  # type: ignore[arg-type]
    assert (response.status_code, response.text) == (200, "1\n")
    assert response.headers[HEADER] == "Unknown field: stdn, Unknown field: a??b??c"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"run_timout": 1}, SENTENCE),
        ({"runs": [{}, {"stdn": ""}]}, "Unknown field: runs[1].stdn; did you mean stdin?"),
        ({"runs": [{"compile_timeout": 1}]}, "Unknown field: runs[0].compile_timeout"),
        ({"checker": {"languag": "py"}}, "Unknown field: checker.languag; did you mean language?"),
        (
            {"runs": [{"files": [{}, {"text": ""}]}]},
            "Unknown field: runs[0].files[1].text; did you mean content?",
        ),
        ({"files": [{"text": ""}]}, "Unknown field: files[0].text; did you mean content?"),
    ],
)
def test_batches_are_refused(server: Server, fields: object, sentence: str) -> None:
    body = request("bash", "cat", runs=[{}]) | fields  # type: ignore[operator]
    response = call(server, "POST", "/api/v2/execute/batch", body)
    assert response.status_code == 400
    assert message(response).startswith(sentence.partition(";")[0])


def test_the_description_has_the_same_fields() -> None:
    schemas = document()["components"]["schemas"]
    init = schemas["ClientMessage"]["oneOf"][0]
    assert set(schemas["Execute"]["properties"]) == piston_request.FIELDS
    assert set(init["properties"]) == piston_request.INIT_FIELDS
    assert set(schemas["File"]["properties"]) == files.FIELDS
    assert set(schemas["Batch"]["properties"]) == batch_request.FIELDS
    assert set(schemas["BatchCase"]["properties"]) == batch_request.RUN_FIELDS
    assert set(schemas["JudgeProgram"]["properties"]) == set(batch_request.JUDGE_FIELDS)
    assert set(schemas["V1Run"]["properties"]) == set(NAMES)
