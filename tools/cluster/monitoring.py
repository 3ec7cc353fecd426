"""Prometheus on the cluster, as docs/swarm.md deploys it, and what it has seen."""

import json
import math
import shlex
import time
from collections.abc import Mapping, Sequence

from tests.support.paths import ROOT
from tools.cluster.deployment import Cluster
from tools.cluster.machine import MachineError

STACK = "monitoring"
_DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
_VARIABLES = {"$job": "bitrun", "$instance": ".*", "$__rate_interval": "2m"}
_START_SECONDS = 120.0
_RETRY_SECONDS = 1.0

Sample = tuple[Mapping[str, str], float]


def dashboard_queries() -> list[str]:
    """Return all queries of the dashboard, for all nodes and the last two minutes.

    Left out is what a whole cluster has no data for: calls to an engine that have failed.
    """
    queries = [
        target["expr"]
        for panel in json.loads(_DASHBOARD.read_text())["panels"]
        for target in panel.get("targets", ())
        if "bitrun_engine_errors_total" not in target["expr"]
    ]
    for name, value in _VARIABLES.items():
        queries = [query.replace(name, value) for query in queries]
    return queries


class Prometheus:
    """Prometheus on a cluster; it is deployed with this."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        cluster.follow("monitoring")

    def query(self, expression: str) -> list[Sample]:
        """Return what an expression is now: labels and value of each series, without NaN.

        Raises:
            MachineError: it does not answer, or does not understand the expression.
        """
        text = self._cluster.curl(
            self._cluster.first,
            f"{STACK}_prometheus",
            f"--get --data-urlencode {shlex.quote(f'query={expression}')} "
            "http://127.0.0.1:9090/api/v1/query",
        )
        series = json.loads(text)["data"]["result"]
        samples = [(each["metric"], float(each["value"][1])) for each in series]
        return [(labels, value) for labels, value in samples if not math.isnan(value)]

    def total(self, expression: str) -> float:
        """Return the sum of the values of an expression; 0 if it has none."""
        return sum(value for _, value in self.query(expression))

    def wait_for(self, expression: str, value: float, timeout: float = _START_SECONDS) -> None:
        """Wait until the sum of an expression is this.

        Raises:
            MachineError: it is not.
        """
        deadline = time.monotonic() + timeout
        while (found := self._total(expression)) != value:
            if time.monotonic() > deadline:
                state = self._cluster.state()
                raise MachineError(f"{expression} is {found}, not {value}:\n{state}")
            time.sleep(_RETRY_SECONDS)

    def _total(self, expression: str) -> float | None:
        try:
            return self.total(expression)
        except MachineError:  # it has not started yet
            return None

    def without_data(self, queries: Sequence[str]) -> list[str]:
        """Return those of the queries that have no data."""
        return [query for query in queries if not self.query(query)]
