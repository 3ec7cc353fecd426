"""Lines and errors from the progress messages of builds and pulls."""

from typing import Any

import pytest

from bitrun.engine.build_output import report_lines
from bitrun.model.errors import BuildError


@pytest.mark.parametrize(
    ("messages", "lines"),
    [
        ([], []),
        ([{"stream": "Step 1/2 : FROM x\n"}], ["Step 1/2 : FROM x"]),
        # Output comes in pieces
        (
            [{"stream": "one\ntw"}, {"stream": "o\nthree"}, {"stream": "\n"}],
            ["one", "two", "three"],
        ),
        # without the builder's own lines, empty lines and colours
        ([{"stream": " ---> 0123\n"}, {"stream": "Removing intermediate container 4\n"}], []),
        ([{"stream": "\n \n"}, {"stream": "\x1b[91mred\x1b[0m\n"}], ["red"]),
        # The states of a pull, without its progress bars
        (
            [{"status": "Pulling"}, {"status": "Downloading", "progress": "[=> ]"}],
            ["Pulling"],
        ),
        ([{"aux": {"ID": "sha256:0"}}], []),
    ],
)
def test_lines(messages: list[dict[str, Any]], lines: list[str]) -> None:
    reported: list[str] = []
    report_lines(messages, reported.append)
    assert reported == lines


def test_an_error_ends_with_the_last_lines() -> None:
    output = "".join(f"{number}\n" for number in range(30))
    messages = [{"stream": output}, {"stream": "unfinished"}, {"error": "exit code 1"}]
    with pytest.raises(BuildError) as raised:
        report_lines(messages, lambda _: None)
    expected = [*map(str, range(10, 30)), "unfinished", "exit code 1"]
    assert str(raised.value).splitlines() == expected


def test_a_stream_with_an_error_is_read_to_its_end() -> None:
    """Only then its connection can be used again."""
    messages = iter([{"error": "broken"}, {"stream": "more\n"}])
    with pytest.raises(BuildError, match="broken"):
        report_lines(messages, lambda _: None)
    assert list(messages) == []
