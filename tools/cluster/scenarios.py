"""What is done to the cluster, and what its clients see of it."""

import dataclasses
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.support.load import Answer
from tools.cluster import monitoring, network
from tools.cluster.deployment import NAME, PAGE, STACK, Cluster, read_commands, token_in
from tools.cluster.load import Load
from tools.cluster.machine import Machine, MachineError
from tools.cluster.monitoring import Prometheus, dashboard_queries
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
_OBSERVED_ANSWERS = 40  # three nodes need 40 s for them, and Prometheus asks every 15 s
_SUBNET = "10.231.0.0/16"  # of the stack's network
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
    notes: list[str] = field(default_factory=list)  # sentences
    asked: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


def retries_since(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """Compare counts by machine: a HAProxy that was replaced meanwhile has begun at zero."""
    return sum(
        count - before.get(machine, 0) if count >= before.get(machine, 0) else count
        for machine, count in after.items()
    )


def complaints(name: str, answers: Sequence[Answer], *, breaks: bool) -> Iterator[str]:
    """Say what is wrong with the answers; what `breaks` connections may cost each client one."""
    broken: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for answer in answers:
        if breaks and answer.status is None:
            broken[answer.word.rpartition(".")[0]] += 1
        elif answer.wrong:
            wrong[answer.wrong] += 1
    if more := sorted(client for client, count in broken.items() if count > 1):
        yield f"{name}: more than one connection of {more}"
    for text, count in wrong.items():
        yield f"{name}: {count} answers: {text}"


class Scenarios:
    """Breaks a cluster in one way after the other, and leaves it whole after each but the last."""

    ALL = (
        "measure_scale",
        "observe",
        "lose_a_node",
        "drain_a_node",
        "roll_an_update",
        "renew_secrets",
        "restart_redis",
        "restart_the_registry",
        "cut_a_node_off",
        "lose_haproxy",
        "check_log",
        "uninstall_a_package",
        "remove_the_stacks",
        "deploy_encrypted",
    )

    def __init__(self, cluster: Cluster, places: int) -> None:
        self.findings = Findings()
        self._cluster = cluster
        self._places = places  # of each node
        self._admin = ""  # the token of one

    def run(self, names: Sequence[str]) -> None:
        """Run some, in this order; what fails is a failure among the findings, and ends it."""
        for name in names:
            started = time.monotonic()
            print(name.replace("_", " "), flush=True)
            scenario: Callable[[], None] = getattr(self, name)
            try:
                scenario()
            except MachineError as error:
                self.findings.failures.append(f"{name}: {error}")
                return
            print(f"took {time.monotonic() - started:.0f} s", flush=True)

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

    def observe(self) -> None:
        """Have Prometheus scrape all nodes, and ask it what the dashboard asks."""
        prometheus = Prometheus(self._cluster)
        nodes = len(self._cluster.machines)
        for job in ("bitrun", "haproxy"):
            prometheus.wait_for(f'up{{job="{job}"}}', nodes)
        runs = 'bitrun_runs_total{job="bitrun"}'
        before = self._runs_by_node(prometheus, runs)
        with self._load("observed", nodes) as load:
            load.wait_for(_OBSERVED_ANSWERS)
        self._add_wrong("observed", load)
        prometheus.wait_for(f"sum({runs})", sum(before.values()) + len(load.answers))
        after = self._runs_by_node(prometheus, runs)
        shares = sorted(round(count - before.get(node, 0)) for node, count in after.items())
        if len(shares) != nodes or not all(shares):
            self.findings.failures.append(f"observe: runs by node: {shares}")
        queries = dashboard_queries()
        if silent := prometheus.without_data(queries):
            self.findings.failures.append(f"observe: no data for {silent}")
        self.findings.notes.append(
            f"Prometheus has counted {sum(shares)} runs on {nodes} nodes "
            f"({', '.join(map(str, shares))}), as many as the clients have sent; "
            f"all {len(queries)} queries of the dashboard have data, but for that of failed calls."
        )

    @staticmethod
    def _runs_by_node(prometheus: Prometheus, runs: str) -> Mapping[str, float]:
        found = prometheus.query(f"sum by (instance) ({runs})")
        return {labels["instance"]: value for labels, value in found}

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
        drain, activate = read_commands(PAGE.read_text(), "drain")
        with self._event("a node was drained, and added again") as load:
            self._cluster.operate(drain)
            self._cluster.wait_ready(len(self._cluster.machines) - 1)
            load.wait_for(_SETTLE_ANSWERS)
            self._cluster.operate(activate)
            self._cluster.wait_ready(len(self._cluster.machines))

    def roll_an_update(self) -> None:
        for machine in self._cluster.machines:
            machine.run("docker tag bitrun-service:1 bitrun-service:2")
        with self._event("an update was rolled"):
            self._cluster.follow("update")
            self._wait_updated("bitrun")
            self._cluster.wait_ready(len(self._cluster.machines))

    def renew_secrets(self) -> None:
        """Give the cluster another certificate, and one more token."""
        shown = ssl.get_server_certificate((NAME, 443))
        with self._event("the certificate and the tokens were renewed"):
            self._cluster.renew_certificate()
            self._cluster.follow("renewal")
            self._wait_updated("haproxy")
            self._admin = token_in(self._cluster.follow("tokens"))
            self._wait_updated("bitrun")
            self._cluster.wait_ready(len(self._cluster.machines))
        if ssl.get_server_certificate((NAME, 443)) == shown:
            self.findings.failures.append("the certificate is the same as before")
        # That there is no such sandbox shows that the token was accepted.
        for name, token, wanted in (
            ("new", self._admin, HTTPStatus.NOT_FOUND),
            ("old", self._cluster.front.token, HTTPStatus.NOT_FOUND),
            ("wrong", "none", HTTPStatus.UNAUTHORIZED),
        ):
            front = dataclasses.replace(self._cluster.front, token=token)
            status = front.request("GET", "/api/v3/sandboxes/none").status_code
            if status != wanted:
                self.findings.failures.append(f"with the {name} token: {status}, not {wanted}")

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

    def lose_haproxy(self) -> None:
        """Kill the HAProxy that all clients use: they lose what they wait for, and nothing else."""
        machine = self._cluster.first
        with self._event("the HAProxy of the clients was killed", breaks=True) as load:
            machine.run(f"docker kill $(docker ps --quiet --filter name={STACK}_haproxy)")
            load.wait_for(2 * _SETTLE_ANSWERS)
            self._cluster.wait_ready(len(self._cluster.machines))

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

    def uninstall_a_package(self) -> None:
        """Uninstall the package on one node: it goes from all."""
        found = self._with_image()
        if len(found) != len(self._cluster.machines):
            self.findings.failures.append(f"the package is on {found} only")
        for token, wanted in (
            (self._cluster.front.token, HTTPStatus.FORBIDDEN),
            (self._admin, HTTPStatus.OK),
        ):
            front = dataclasses.replace(self._cluster.front, token=token)
            body = {"language": "bash", "version": "*"}
            reply = front.request("DELETE", "/api/v2/packages", json=body)
            if reply.status_code != wanted:
                raise MachineError(f"not {wanted}: {reply.status_code} {reply.text}")
        deadline = time.monotonic() + _GONE_SECONDS
        while (found := self._with_image()) and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)
        if found:
            self.findings.failures.append(f"uninstalled, but still on {found}")

    def _with_image(self) -> list[str]:
        script = "docker images --quiet bitrun/bash:latest"
        return [it.name for it in self._cluster.machines if it.run(script).stdout.strip()]

    def remove_the_stacks(self) -> None:
        """Remove them, and look for what is left on the engines."""
        # One after the other: the network of the first is the second's.
        for stack in (monitoring.STACK, STACK):
            self._cluster.operate(f"docker stack rm {stack}")
        deadline = time.monotonic() + _GONE_SECONDS
        while (left := list(self._containers())) and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)
        self.findings.failures += [f"left behind: {each}" for each in left]

    def deploy_encrypted(self) -> None:
        """See whether the Swarm takes an encrypted network; the kernel may have no ESP for it."""
        network_ = f"{STACK}_cluster"
        self._wait_for_network(network_, exists=False)
        self._cluster.follow("encrypted")
        self._wait_for_network(network_, exists=True)
        (found,) = json.loads(self._cluster.first.run(f"docker network inspect {network_}").stdout)
        if "encrypted" not in found["Options"] or found["IPAM"]["Config"][0]["Subnet"] != _SUBNET:
            self.findings.failures.append(f"the network is not encrypted, or another: {found}")
        self.remove_the_stacks()

    def _wait_for_network(self, name: str, *, exists: bool) -> None:
        command = f"docker network ls --quiet --filter name={name}"
        deadline = time.monotonic() + _GONE_SECONDS
        while bool(self._cluster.first.run(command).stdout.strip()) != exists:
            if time.monotonic() > deadline:
                raise MachineError(f"the network {name} is {'not' if exists else 'still'} there")
            time.sleep(_RETRY_SECONDS)

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
        state_of = "{{with .UpdateStatus}}{{.State}}{{end}}"  # nothing, until it has begun
        command = f"docker service inspect --format '{state_of}' {STACK}_{service}"
        deadline = time.monotonic() + 300
        while (state := self._cluster.first.run(command).stdout.strip()) != "completed":
            if state not in ("", "updating") or time.monotonic() > deadline:
                raise MachineError(f"the update of {service}: {state}")
            time.sleep(_RETRY_SECONDS)

    def _load(self, name: str, nodes: int) -> Load:
        """Return clients for all places of so many nodes, and some that always wait."""
        return Load(self._cluster.front, name, self._places * nodes + 2, SLEEP_SECONDS)

    @contextmanager
    def _event(self, name: str, *, breaks: bool = False) -> Iterator[Load]:
        """Keep the cluster under load before, while and after something happens.

        If it `breaks` connections, each client may lose one.
        """
        before = self._retries()
        request_ids = name.replace(" ", "_").replace(",", "")
        with self._load(request_ids, len(self._cluster.machines)) as load:
            load.wait_for(_SETTLE_ANSWERS)
            yield load
            load.wait_for(_SETTLE_ANSWERS)
        self._add_wrong(name, load, breaks=breaks)
        retried = retries_since(before, self._retries())
        event = Event(name, len(load.answers), load.wrong, retried, load.slowest)
        self.findings.events.append(event)
        print(event, flush=True)

    def _add_wrong(self, name: str, load: Load, *, breaks: bool = False) -> None:
        self.findings.asked |= {answer.word for answer in load.answers}
        self.findings.failures += complaints(name, load.answers, breaks=breaks)

    def _retries(self) -> Mapping[str, int]:
        """Return how often the HAProxy of each machine has tried a run again."""
        name = 'haproxy_backend_retry_warnings_total{proxy="runs"}'
        return {
            machine.name: round(self._cluster.haproxy_metric(name, machine) or 0)
            for machine in self._cluster.machines
            if machine.is_on
        }


def _read_entry(line: str) -> dict[str, str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
