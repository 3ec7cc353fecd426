from bitrun.execution.made_files import made_files, with_room_for
from bitrun.model.output_files import (
    Collected,
    DroppedFile,
    DropReason,
    OutputFile,
    OutputLimits,
)

LIMITS = OutputLimits(files=2, file_size=10, total_size=15)
SENT = {"main.py": b"x" * 100, "data": b"12345"}


def files(**contents: bytes) -> tuple[OutputFile, ...]:
    return tuple(OutputFile(name, 0o644, content) for name, content in contents.items())


def test_what_was_sent_has_room_in_addition() -> None:
    assert with_room_for(LIMITS, SENT) == OutputLimits(files=4, file_size=100, total_size=120)
    assert with_room_for(LIMITS, {}) == LIMITS


def test_what_is_as_it_was_sent_is_left_out() -> None:
    unchanged = OutputFile("main.py", 0o755, b"x" * 100)
    changed = OutputFile("data", 0o644, b"54321")
    assert made_files(Collected((unchanged, changed)), SENT, LIMITS) == Collected((changed,))


def test_the_limits_are_those_of_the_job() -> None:
    collected = Collected(
        files(a=b"1" * 8, b=b"1" * 8, c=b"1" * 11, d=b"1" * 7, e=b""),
        (DroppedFile("f", DropReason.FILE_SIZE, 100), DroppedFile("g", DropReason.UNREADABLE)),
    )
    assert made_files(collected, SENT, LIMITS) == Collected(
        files(a=b"1" * 8, d=b"1" * 7),
        (
            DroppedFile("f", DropReason.FILE_SIZE, 10),
            DroppedFile("g", DropReason.UNREADABLE),
            DroppedFile("b", DropReason.TOTAL_SIZE, 15),
            DroppedFile("c", DropReason.FILE_SIZE, 10),
            DroppedFile("e", DropReason.COUNT, 2),
        ),
    )
