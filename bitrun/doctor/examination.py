"""All that is looked at, in the order in which one thing stands on the other."""

from collections.abc import Iterator

from bitrun.doctor import box, engine, languages, limits
from bitrun.doctor.findings import Finding, good, wrong
from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError
from bitrun.service import configuration
from bitrun.service.service import Service


def examine() -> Iterator[Finding]:
    """Look at everything, as far as one can get."""
    try:
        service = Service(configuration.load())
    except configuration.UNSOUND as error:
        yield wrong("settings", str(error), "docs/settings.md says what fits.")
        return
    known = sum(1 for _ in service.catalogue.languages())
    yield good("settings", f"they fit; the catalogue has {known} languages")
    try:
        yield from _examine_engine(service)
    except ServiceError as fault:
        yield wrong(
            "engine",
            str(fault),
            "Start it (make engine), or have DOCKER_HOST name one that runs. Whoever is neither "
            "root nor in the group docker may not use this machine's.",
        )
    finally:
        service.close()


def _examine_engine(service: Service) -> Iterator[Finding]:
    here = Engine(service.settings.engine_timeout)
    try:
        yield from engine.examine(here)
        yield from limits.examine(service.settings, here.info())
    finally:
        here.close()
    runtimes = service.runtimes.all()
    if runtimes:
        yield from box.examine(service, runtimes[0])
    yield from languages.examine(service)
