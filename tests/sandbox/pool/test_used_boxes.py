"""Used boxes: how much they may hold, and which leaves first."""

import pytest

from bitrun.sandbox.box import Box
from bitrun.sandbox.pool.used_boxes import UsedBoxes


class HoldingBox(Box):
    """A box without a container, which holds this many bytes."""

    def __init__(self, memory: int) -> None:
        self.memory = memory

    @property
    def held_memory(self) -> int:
        return self.memory


def sizes(boxes: list[Box]) -> list[int]:
    return [box.held_memory for box in boxes]


@pytest.mark.parametrize(
    ("added", "excess", "kept"),
    [
        ([], [], []),
        ([10, 20, 30], [], [30, 20, 10]),
        ([100], [], [100]),
        # The largest leaves, whenever it came
        ([60, 10, 50], [60], [50, 10]),
        ([10, 50, 60], [60], [50, 10]),
        ([10, 10, 101], [101], [10, 10]),
        # Two that are equal
        ([60, 60], [60], [60]),
        # More than one at a time
        ([40, 30, 30, 30, 80], [40, 80], [30, 30, 30]),
        # A box without a verdict has ended, and holds nothing
        ([100, 0, 0], [], [100, 0, 0]),
    ],
)
def test_the_largest_leaves_first(added: list[int], excess: list[int], kept: list[int]) -> None:
    used = UsedBoxes(100)
    left = [box for size in added for box in used.add(HoldingBox(size))]
    assert sizes(left) == excess
    assert len(used) == len(kept)
    assert sizes([used.pop() for _ in kept]) == kept


def test_what_has_left_does_not_count() -> None:
    used = UsedBoxes(100)
    for _ in range(50):
        assert used.add(HoldingBox(90)) == []
        assert used.pop().held_memory == 90
    assert len(used) == 0


def test_a_pool_without_memory_for_them() -> None:
    used = UsedBoxes(0)
    assert sizes(used.add(HoldingBox(1))) == [1]
    assert len(used) == 0
