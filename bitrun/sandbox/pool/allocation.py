"""How a pool's places are shared out among the kinds of boxes that are asked for."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Kind = TypeVar("Kind", bound=Hashable)


def share_out(
    places: int, demand: Mapping[Kind, float], pinned: Mapping[Kind, int]
) -> dict[Kind, int]:
    """Share out places in proportion to demand, after what is pinned.

    A pinned kind keeps its number whatever the demand, as far as the places go. Of the rest, every
    kind with a demand of 1 or more gets a place before any kind gets a second.
    """
    shares = dict.fromkeys([*pinned, *demand], 0)
    for kind, wanted in pinned.items():
        shares[kind] = min(wanted, places)
        places -= shares[kind]
    ranked = sorted(demand, key=lambda kind: -demand[kind])
    for kind in ranked:
        if demand[kind] >= 1 and shares[kind] == 0 and places > 0:
            shares[kind] = 1
            places -= 1
    total = sum(demand.values())
    if total <= 0:
        return shares
    exact = {kind: places * demand[kind] / total for kind in ranked if demand[kind] > 0}
    left = places - sum(int(share) for share in exact.values())
    # The largest remainders get what rounding down has left over.
    favoured = sorted(exact, key=lambda kind: int(exact[kind]) - exact[kind])[:left]
    for kind, share in exact.items():
        shares[kind] += int(share) + (kind in favoured)
    return shares
