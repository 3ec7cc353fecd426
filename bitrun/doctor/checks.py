"""Runs all checks, in the order in which they depend on each other."""

from collections.abc import Iterator

from bitrun.doctor import box, cluster, egress, engine, languages, limits
from bitrun.doctor.findings import Finding, failed, passed
from bitrun.engine.engine import Engine
from bitrun.model.errors import ServiceError
from bitrun.service import configuration
from bitrun.service.service import Service


def run_checks() -> Iterator[Finding]:
    """Run all checks, up to the first failure that makes later ones impossible."""
    try:
        service = Service(configuration.load())
    except configuration.UNSOUND as error:
        yield failed("settings", str(error), "docs/settings.md lists the valid values.")
        return
    known = sum(1 for _ in service.catalogue.languages())
    yield passed("settings", f"valid; the catalogue has {known} languages")
    yield from cluster.check_redis(service)
    try:
        yield from _check_engine(service)
    except ServiceError as error:
        yield failed(
            "engine",
            str(error),
            "Start it (in a checkout: make engine), or set DOCKER_HOST to a running one. Only root "
            "and members of the group docker may use the engine of this machine.",
        )
    finally:
        service.close()


def _check_engine(service: Service) -> Iterator[Finding]:
    here = Engine(service.settings.engine_timeout)
    try:
        yield from engine.check(here)
        yield from limits.check(service.settings, here.info())
    finally:
        here.close()
    yield from cluster.check_registry(service)
    runtimes = service.runtimes.all()
    if runtimes:
        yield from box.check(service, runtimes[0])
    yield from egress.check(service, list(runtimes))
    yield from languages.check(service)
