"""The properties by which boxes are interchangeable."""

from dataclasses import dataclass

from bitrun.model.job import BoxLimits


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """Image and limits of a box. `image` is the id of an image, not a name."""

    image: str
    limits: BoxLimits

    def __hash__(self) -> int:
        # A string caches its hash; that of the limits would be computed at every look-up.
        return hash(self.image)
