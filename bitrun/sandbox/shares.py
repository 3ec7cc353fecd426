"""How a pool's places are shared out among the kinds of boxes that are asked for."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Kind = TypeVar("Kind", bound=Hashable)


def share_out(
    places: int, demand: Mapping[Kind, float], pinned: Mapping[Kind, int]
) -> dict[Kind, int]:
    """Share out places in proportion to demand, after what is pinned.

    A pinned kind keeps its number whatever the demand, as far as the places go. Of the rest every
    kind with any demand gets a place before one gets a second.
    """
    shares = dict.fromkeys([*pinned, *demand], 0)
    for kind, wanted in pinned.items():
        shares[kind] = min(wanted, places)
        places -= shares[kind]
    asked = sorted((kind for kind in demand if demand[kind] > 0), key=lambda kind: -demand[kind])
    for kind in asked:
        if places > 0 and shares[kind] == 0:
            shares[kind] = 1
            places -= 1
    total = sum(demand[kind] for kind in asked)
    if total <= 0:
        return shares
    exact = {kind: places * demand[kind] / total for kind in asked}
    for kind, share in exact.items():
        shares[kind] += int(share)
    left = places - sum(map(int, exact.values()))
    for kind in sorted(asked, key=lambda kind: int(exact[kind]) - exact[kind])[:left]:
        shares[kind] += 1
    return shares
