import pytest

from bitrun.api.v1.durations import go_duration


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"), (1, "1ns"), (999, "999ns"), (1_000, "1µs"), (845_200, "845.2µs"),
        (999_999, "999.999µs"), (1_000_000, "1ms"), (261_752_379, "261.752379ms"),
        (999_999_999, "999.999999ms"), (1_000_000_000, "1s"), (1_204_000_000, "1.204s"),
        (10_000_000_000, "10s"), (59_999_999_999, "59.999999999s"), (60_000_000_000, "1m0s"),
        (120_500_000_000, "2m0.5s"), (3_600_000_000_000, "1h0m0s"),
        (3_661_000_000_001, "1h1m1.000000001s"),
    ],
)  # fmt: skip
def test_as_go_writes_it(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text
