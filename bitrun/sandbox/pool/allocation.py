"""Allocation of a pool's places to box specs, in proportion to demand."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Spec = TypeVar("Spec", bound=Hashable)


def allocate(
    places: int, demand: Mapping[Spec, float], pinned: Mapping[Spec, int]
) -> dict[Spec, int]:
    """Allocate places in proportion to demand, after those that are pinned.

    A pinned spec gets its number whatever the demand, as far as the places suffice. Of the rest,
    every spec with a demand of 1 or more gets one place before any spec gets a second.
    """
    allocation = dict.fromkeys([*pinned, *demand], 0)
    for spec, wanted in pinned.items():
        allocation[spec] = min(wanted, places)
        places -= allocation[spec]
    ranked = sorted(demand, key=lambda spec: -demand[spec])
    for spec in ranked:
        if demand[spec] >= 1 and allocation[spec] == 0 and places > 0:
            allocation[spec] = 1
            places -= 1
    total = sum(demand.values())
    if total <= 0:
        return allocation
    quotas = {spec: places * demand[spec] / total for spec in ranked if demand[spec] > 0}
    left = places - sum(int(quota) for quota in quotas.values())
    # The largest remainders get the places left over by rounding down.
    favoured = sorted(quotas, key=lambda spec: int(quotas[spec]) - quotas[spec])[:left]
    for spec, quota in quotas.items():
        allocation[spec] += int(quota) + (spec in favoured)
    return allocation
