"""What is done to the cluster, and what its clients see of it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tools.cluster import network
from tools.cluster.deployment import STACK, Cluster
from tools.cluster.load import Load
from tools.cluster.machine import Machine, MachineError
from tools.cluster.sandboxes import Sandboxes
from tools.cluster.submissions import Submissions

# Programs that sleep: all machines are one, so that programs that compute would share its
# processors, and show nothing.
SLEEP_SECONDS = 3.0
_RATE_SECONDS = 40.0
_CUT_SECONDS = 10.0
_MIN_SHARE = 0.95  # of N times the runs of one, with N nodes
_SUBMISSIONS = 24  # more than can be judged before the node is lost
_SETTLE_ANSWERS = 12  # before and after anything breaks
_GONE_SECONDS = 120.0
_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Event:
    """What clients saw while something happened; `wrong` counts the answers that were not right."""

    name: str
    runs: int
    wrong: Counter[str]
    retried: int
    slowest: float


@dataclass(slots=True)
class Findings:
    """All that was measured, and what was not as promised."""

    rates: list[float] = field(default_factory=list)  # runs a second, of 1, 2, ... nodes
    events: list[Event] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Scenarios:
    """Breaks a cluster in one way after the other, and leaves it whole after each."""

    def __init__(self, cluster: Cluster, places: int) -> None:
        self.findings = Findings()
        self._cluster = cluster
        self._places = places  # of each node

    def run_all(self) -> None:
        """Run all of them; what fails is a failure among the findings, and ends it."""
        scenarios: tuple[Callable[[], None], ...] = (
            self.measure_scale,
            self.lose_a_node,
            self.drain_a_node,
            self.roll_an_update,
            self.restart_redis,
            self.restart_the_registry,
            self.cut_a_node_off,
            self.check_log,
            self.remove_the_stack,
        )
        for scenario in scenarios:
            print(f"{scenario.__name__.replace('_', ' ')}", flush=True)
            try:
                scenario()
            except MachineError as error:
                self.findings.failures.append(f"{scenario.__name__}: {error}")
                return

    def measure_scale(self) -> None:
        """Measure the rate of all nodes, of all but one, ..., of one."""
        machines = self._cluster.machines
        rates = []
        for nodes in range(len(machines), 0, -1):
            for machine in machines[nodes:]:
                self._set_availability(machine, "drain")
            self._cluster.wait_ready(nodes)
            with self._load(f"scale-{nodes}", nodes) as load:
                load.wait_for(_SETTLE_ANSWERS)
                rates.append(load.rate(_RATE_SECONDS))
            self._add_wrong(f"{nodes} nodes", load)
        self.findings.rates = rates[::-1]
        print(self.findings.rates, flush=True)
        share = rates[0] / (rates[-1] * len(machines))
        if share < _MIN_SHARE:
            self.findings.failures.append(
                f"{len(machines)} nodes make {share:.2f} of {len(machines)} times the runs of one"
            )
        for machine in machines[1:]:
            self._set_availability(machine, "active")
        self._cluster.wait_ready(len(machines))

    def lose_a_node(self) -> None:
        machine = self._cluster.others[-1]
        sandboxes = Sandboxes(self._cluster.front, len(self._cluster.machines))
        self.findings.failures += sandboxes.complaints()
        submissions = Submissions(self._cluster.front, _SUBMISSIONS, SLEEP_SECONDS)
        with self._event("a node lost its power") as load:
            machine.cut_power()
            self._cluster.wait_ready(len(self._cluster.machines) - 1)
            load.wait_for(_SETTLE_ANSWERS)
        if (gone := sandboxes.forget_lost()) != 1:
            self.findings.failures.append(f"{gone} sandboxes are gone with one node")
        self.findings.failures += sandboxes.complaints()
        sandboxes.delete()
        self.findings.failures += submissions.complaints()
        with self._event("it came back") as load:
            machine.power_on()
            network.plug_in(machine)
            machine.boot()
            self._cluster.wait_ready(len(self._cluster.machines))
            load.wait_for(_SETTLE_ANSWERS)

    def drain_a_node(self) -> None:
        machine = self._cluster.others[0]
        with self._event("a node was drained, and added again") as load:
            self._set_availability(machine, "drain")
            self._cluster.wait_ready(len(self._cluster.machines) - 1)
            load.wait_for(_SETTLE_ANSWERS)
            self._set_availability(machine, "active")
            self._cluster.wait_ready(len(self._cluster.machines))

    def roll_an_update(self) -> None:
        for machine in self._cluster.machines:
            machine.run("docker tag bitrun-service:1 bitrun-service:2")
        with self._event("an update was rolled"):
            self._cluster.operate(
                "export RELEASE=2\n"
                f"docker stack deploy --compose-file deploy/swarm/stack.yaml {STACK}"
            )
            self._wait_updated("bitrun")
            self._cluster.wait_ready(len(self._cluster.machines))

    def restart_redis(self) -> None:
        with self._event("Redis was restarted"):
            self._cluster.operate(f"docker service update --force --quiet {STACK}_redis")

    def restart_the_registry(self) -> None:
        with self._event("the registry was restarted"):
            self._cluster.operate(f"docker service update --force --quiet {STACK}_registry")

    def cut_a_node_off(self) -> None:
        with self._event(f"the network of a node was cut for {_CUT_SECONDS:.0f} s") as load:
            with network.cut_off(self._cluster.others[0]):
                time.sleep(_CUT_SECONDS)
            self._cluster.wait_ready(len(self._cluster.machines))
            load.wait_for(_SETTLE_ANSWERS)

    def check_log(self) -> None:
        """Compare what the nodes have run with what was asked for."""
        # Of each engine: `docker service logs` fails if one of many tasks has no log any more.
        label = f"com.docker.swarm.service.name={STACK}_bitrun"
        script = (
            f'for id in $(docker ps -aq --filter label={label}); do docker logs "$id" 2>&1; done'
        )
        entries = [
            _read_entry(line)
            for machine in self._cluster.machines
            for line in machine.run(script).stdout.splitlines()
        ]
        ran = {
            it["request_id"]
            for it in entries
            if it.get("verdict") is not None and it.get("path", "").endswith("/execute")
        }
        if strange := sorted(ran - self.findings.asked):
            self.findings.failures.append(f"run, but not asked for: {strange}")
        if not ran:
            self.findings.failures.append("the logs of the nodes have no run")

    def remove_the_stack(self) -> None:
        """Remove it, and look for what is left on the engines."""
        self._cluster.operate(f"docker stack rm {STACK}")
        deadline = time.monotonic() + _GONE_SECONDS
        while (left := list(self._containers())) and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)
        self.findings.failures += [f"left behind: {each}" for each in left]

    def _containers(self) -> Iterator[str]:
        for machine in self._cluster.machines:
            client = machine.engine()
            try:
                for container in client.containers(all=True):
                    yield f"{container['Image']} on {machine.name}, {container['Status']}"
            finally:
                client.close()

    def _set_availability(self, machine: Machine, availability: str) -> None:
        self._cluster.operate(f"docker node update --availability {availability} {machine.name}")

    def _wait_updated(self, service: str) -> None:
        """Wait for the end of a rolling update.

        Raises:
            MachineError: it was rolled back, or takes too long.
        """
        command = f"docker service inspect --format '{{{{.UpdateStatus.State}}}}' {STACK}_{service}"
        deadline = time.monotonic() + 300
        while (state := self._cluster.first.run(command).stdout.strip()) != "completed":
            if state != "updating" or time.monotonic() > deadline:
                raise MachineError(f"the update of {service}: {state}")
            time.sleep(_RETRY_SECONDS)

    def _load(self, name: str, nodes: int) -> Load:
        """Return clients for all places of so many nodes, and some that always wait."""
        return Load(self._cluster.front, name, self._places * nodes + 2, SLEEP_SECONDS)

    @contextmanager
    def _event(self, name: str) -> Iterator[Load]:
        """Keep the cluster under load before, while and after something happens."""
        retried = self._retries()
        request_ids = name.replace(" ", "_").replace(",", "")
        with self._load(request_ids, len(self._cluster.machines)) as load:
            load.wait_for(_SETTLE_ANSWERS)
            yield load
            load.wait_for(_SETTLE_ANSWERS)
        self._add_wrong(name, load)
        event = Event(name, len(load.answers), load.wrong, self._retries() - retried, load.slowest)
        self.findings.events.append(event)
        print(event, flush=True)

    def _add_wrong(self, name: str, load: Load) -> None:
        self.findings.asked |= {answer.request_id for answer in load.answers}
        for wrong, count in load.wrong.items():
            self.findings.failures.append(f"{name}: {count} answers: {wrong}")

    def _retries(self) -> int:
        value = self._cluster.haproxy_metric('haproxy_backend_retry_warnings_total{proxy="runs"}')
        return round(value or 0)


def _read_entry(line: str) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
