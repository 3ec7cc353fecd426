"""Metrics of a service."""

from tests.support.server import Server


def metric(server: Server, name: str, **labels: str) -> float:
    """Read the value of a metric."""
    wanted = name + (
        "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
    )
    for line in server.get("/metrics").text.splitlines():
        if line.startswith(f"{wanted} "):
            return float(line.split()[-1])
    raise AssertionError(wanted)
