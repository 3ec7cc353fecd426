"""The context of a request: of its thread alone, and for as long as it lasts."""

from concurrent.futures import ThreadPoolExecutor

from bitrun.telemetry import request_context


def test_outside_of_requests() -> None:
    request_context.note(error="lost")
    assert request_context.request_id() is None
    assert request_context.fields() == {}


def test_a_request() -> None:
    request_context.begin("one")
    request_context.note(error="busy", box="a")
    request_context.note(box="b")
    assert request_context.request_id() == "one"
    assert request_context.fields() == {"error": "busy", "box": "b"}
    request_context.end()
    assert request_context.request_id() is None


def test_the_next_request_of_a_thread_has_nothing_of_the_last() -> None:
    request_context.begin("one")
    request_context.note(error="busy")
    request_context.begin("two")
    assert (request_context.request_id(), request_context.fields()) == ("two", {})
    request_context.end()


def test_threads_do_not_share_it() -> None:
    request_context.begin("one")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(request_context.request_id).result() is None
    request_context.end()
