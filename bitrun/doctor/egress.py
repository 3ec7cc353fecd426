"""Checks of the egress proxy: it runs, and a box finds its way to it."""

import dataclasses
from collections.abc import Iterator

from bitrun.doctor.findings import Finding, failed, passed, warning
from bitrun.execution.job_builder import Target, build_job
from bitrun.model.errors import EgressUnavailable
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

_SUBJECT = "egress"
_INSTALL = "Run: bitrun install"


def check(service: Service, runtimes: list[Runtime]) -> Iterator[Finding]:
    """Check the way out of boxes, if the operator lists hosts.

    Raises:
        ServiceError: the engine or a box failed.
    """
    patterns = service.settings.allow_list.patterns
    if not service.settings.egress:
        names = [each.language.name for each in runtimes if each.language.network]
        if names:
            yield warning(
                _SUBJECT,
                f"programs of {', '.join(names)} have `network: true`, but can reach no host",
                "List the hosts that they may reach in BITRUN_EGRESS.",
            )
        return
    if not service.images.has_current_egress():
        yield failed(_SUBJECT, "the image of the proxy is missing or outdated", _INSTALL)
    elif runtimes:
        yield _probe(service, runtimes[0], patterns)


def _probe(service: Service, runtime: Runtime, patterns: tuple[str, ...]) -> Finding:
    service.egress.start()
    job = build_job(Target.of(runtime), service.settings, command="true")
    job = dataclasses.replace(job, limits=dataclasses.replace(job.limits, network=patterns))
    try:
        verdict = service.runner.run(job).last.verdict
    except EgressUnavailable as error:
        return failed(
            _SUBJECT,
            str(error),
            "The engine must be able to create a bridge network and a volume of the type tmpfs.",
        )
    if verdict.failed:
        detail = f"a program that may reach hosts ends with {verdict.outcome}"
        return failed(_SUBJECT, detail, _INSTALL)
    return passed(_SUBJECT, f"the proxy runs, for {len(patterns)} hosts and ports")
