"""Checks of what the nodes of a cluster share: Redis, and the registry."""

from collections.abc import Iterator

from bitrun.cluster.nodes import AUTO
from bitrun.cluster.shared_redis import SharedRedis
from bitrun.config.settings import Settings
from bitrun.doctor.findings import Finding, failed, passed
from bitrun.model.errors import ServiceError
from bitrun.packages.cluster import ClusterPackages
from bitrun.service.service import Service


def check_redis(service: Service) -> Iterator[Finding]:
    """Check the Redis server of the settings, if there is one."""
    if service.redis is not None:
        yield _redis(service.redis, service.settings)


def check_registry(service: Service) -> Iterator[Finding]:
    """Check the registry of the settings, if there is one, through the engine."""
    if service.cluster is not None:
        yield _registry(service.cluster, service.settings)


def _redis(redis: SharedRedis, settings: Settings) -> Finding:
    if (problem := redis.problem()) is not None:
        effect = (
            "every node counts the limits of clients for itself"
            if settings.redis_away == "local"
            else "no request is admitted"
        )
        return failed(
            "redis",
            f"{problem}. Until it answers, {effect}",
            "Start it, let this machine reach it, or correct BITRUN_REDIS.",
        )
    detail = "answers; limits of clients hold for all nodes"
    if settings.node_url == AUTO:
        detail += f", which reach this one at {redis.own_address()}:{settings.port}"
    return passed("redis", detail)


def _registry(cluster: ClusterPackages, settings: Settings) -> Finding:
    try:
        listed = cluster.read_list()
    except ServiceError as error:
        return failed(
            "registry",
            f"{settings.registry}: {error}",
            "Let the engine reach it, with its certificate in /etc/docker/certs.d, and log in with "
            "docker login as the user of the service, or correct BITRUN_REGISTRY.",
        )
    return passed("registry", f"{settings.registry} lists {listed} packages")
