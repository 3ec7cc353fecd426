"""How long a worker that is being replaced waits for its requests."""

import math

from bitrun.execution.limits import language_limits
from bitrun.service.configuration import Configuration

# For what a limit does not cover: the creation of a box, the engine's own time, the reply.
_RESERVE_SECONDS = 20

_MS = 1000


def stop_seconds(configuration: Configuration) -> int:
    """Return the time that a stopped service gives to its runs; sessions may be cut off."""
    return math.ceil(configuration.settings.v1_timeout) + _RESERVE_SECONDS


def reload_seconds(configuration: Configuration) -> int:
    """Return the time after which no request of a replaced worker can still be running.

    That is the longest session of any language, after its compilation and its time in the queue,
    or the longest command of a sandbox.
    """
    settings = configuration.settings
    limits = [
        language_limits(language, settings) for _, language in configuration.catalogue.languages()
    ]
    longest_ms = max(each.stages["compile"].wall_ms + each.session_wall_ms for each in limits)
    waiting = settings.queue_timeout
    return max(
        math.ceil(longest_ms / _MS + waiting) + _RESERVE_SECONDS,
        math.ceil(settings.sandbox_timeout / _MS) + _RESERVE_SECONDS,
        stop_seconds(configuration),
    )
