"""The cluster as an operator gets it: by the commands of docs/swarm.md, one after the other.

A comment before a block of commands says on which machines they are run: `<!-- on: first -->`, or
`others`. A block `<!-- on: first, with the internet -->` is left out, since the machines have no
way out of their switch: `images` has made what it would make. What is done later has a name, as
`<!-- update -->`.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.support.checkout import copy_of_checkout
from tests.support.paths import ROOT
from tools.cluster import images
from tools.cluster.load import Front
from tools.cluster.machine import Machine, MachineError

PAGE = ROOT / "docs" / "swarm.md"
STACK = "bitrun"
_BLOCK = re.compile(r"<!-- on: ([^>]+) -->\n+```console\n(.*?)```", re.DOTALL)
NAME = "run.example.org"  # of the cluster in the page
_TOKEN = re.compile(r"^bitrun_\S+$", re.MULTILINE)
_READY_SECONDS = 300.0
_ELECTION_SECONDS = 60.0
_NO_LEADER = "does not have a leader"
_RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Block:
    """Commands of the page, and where they are run: `first`, `others` or what else it says."""

    where: str
    commands: str


def read_blocks(page: str) -> list[Block]:
    """Return the blocks of commands of a page, in order; what they print is left out."""
    return [
        Block(where, "\n".join(line[2:] for line in text.splitlines() if line[:2] in ("$ ", "> ")))
        for where, text in _BLOCK.findall(page)
    ]


def read_commands(page: str, name: str) -> list[str]:
    """Return the commands of a page below the comment with this name."""
    found = re.search(rf"<!-- {name} -->\n+```console\n(.*?)```", page, re.DOTALL)
    if found is None:
        raise MachineError(f"the page has no commands to {name}")
    return [line[2:] for line in found[1].splitlines()]


class Cluster:
    """Machines with the stack on them; the first is where the operator gives commands.

    Args:
        machines: started, in the order of the page's addresses.
        folder: for a copy of the checkout, and the certificate.
        settings: of the service, beyond those of the stack file.
        variables: of the operator's shell, such as `RUNS_PER_NODE`.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        folder: Path,
        settings: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        self.machines = machines
        self.first, self.others = machines[0], machines[1:]
        self._checkout = copy_of_checkout(folder)
        self._authority = Authority(folder / "authority")
        self.renew_certificate()
        self._add_settings(settings)
        for machine in machines:
            trusted = machine.engine_folder / "certs.d" / NAME
            trusted.mkdir(parents=True)
            shutil.copy(self._authority.certificate, trusted / "ca.crt")
        self._variables = {
            "HAPROXY_IMAGE": images.reference("haproxy"),
            "REDIS_IMAGE": images.reference("redis"),
            "REGISTRY_IMAGE": images.reference("registry"),
            "PROMETHEUS_IMAGE": images.reference("prometheus"),
            **variables,
        }
        self._exports: list[str] = []
        self.front = Front("", "", self._authority.certificate)

    def _add_settings(self, settings: Mapping[str, str]) -> None:
        """Write them into the copy of the stack file, as an operator would."""
        stack = self._checkout / "deploy" / "swarm" / "stack.yaml"
        before = "      BITRUN_API_TOKENS_FILE:"
        text = stack.read_text()
        if text.count(before) != 1:
            raise MachineError(f"{stack} has no place for settings")
        lines = "".join(f'      {name}: "{value}"\n' for name, value in settings.items())
        stack.write_text(text.replace(before, lines + before))

    def deploy(self) -> None:
        """Follow the page, and wait until all machines run programs.

        Raises:
            MachineError: a command fails, or a machine does not become ready.
        """
        for machine in self.machines:
            machine.run(f"docker tag {images.reference('service')} {images.SERVICE}:1")
        join_token = token = ""
        for block in read_blocks(PAGE.read_text()):
            commands = block.commands
            if join_token:
                commands = commands.replace("TOKEN", join_token)
            if block.where == "first":
                if "docker exec" in commands:
                    self._wait_started()
                done = self.operate(commands)
                join_token = join_token or done.stdout.strip().rpartition("\n")[2]
                token = token or token_in(done.stderr)
            elif block.where == "others":
                for machine in self.others:
                    machine.run(commands)
        self.front = Front(f"https://{NAME}", token, self._authority.certificate)
        self.wait_ready(len(self.machines))

    def renew_certificate(self) -> None:
        """Put a new certificate and its key where the page's commands expect them."""
        self._authority.issue(NAME, self._checkout)

    def follow(self, name: str) -> str:
        """Run the commands of the page that have this name; return what they say on stderr."""
        return self.operate("\n".join(read_commands(PAGE.read_text(), name))).stderr

    def _wait_started(self) -> None:
        """Wait for the service on the first machine, as who reads the page would."""
        deadline = time.monotonic() + _READY_SECONDS
        command = "docker ps --quiet --filter name=bitrun_bitrun --filter health=healthy"
        while not self.first.run(command).stdout:
            if time.monotonic() > deadline:
                raise MachineError(f"the service does not start:\n{self.state()}")
            time.sleep(_RETRY_SECONDS)

    def operate(self, commands: str) -> subprocess.CompletedProcess[str]:
        """Run commands on the first machine, in one shell with all that were exported before."""
        script = "\n".join([*self._exports, commands])
        self._exports += [line for line in commands.splitlines() if line.startswith("export ")]
        print("first$ " + commands.replace("\n", "\nfirst$ "), flush=True)
        deadline = time.monotonic() + _ELECTION_SECONDS
        while True:
            try:
                return self.first.run(script, self._variables, self._checkout)
            except MachineError as error:
                # The managers elect another one when they lose theirs, and do nothing meanwhile.
                if _NO_LEADER not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_SECONDS)

    def wait_ready(self, nodes: int) -> None:
        """Wait until HAProxy sees this many nodes that are ready.

        Raises:
            MachineError: it does not.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while (seen := self.ready_nodes()) != nodes:
            if time.monotonic() > deadline:
                raise MachineError(f"{seen} nodes are ready, not {nodes}:\n{self.state()}")
            time.sleep(_RETRY_SECONDS)

    def ready_nodes(self) -> int | None:
        """Return how many nodes HAProxy gives runs to, or None if it does not answer."""
        value = self.haproxy_metric('haproxy_backend_active_servers{proxy="runs"}', self.first)
        return None if value is None else round(value)

    def curl(self, machine: Machine, service: str, arguments: str) -> str:
        """Ask a container of a machine from inside, since its port is not published.

        Raises:
            MachineError: it does not answer, or not well.
        """
        script = (
            f"id=$(docker ps --quiet --filter name={service}); "
            'nsenter --net --target "$(docker inspect --format {{.State.Pid}} "$id")" '
            f"curl --silent --show-error --fail --max-time 10 {arguments}"
        )
        return machine.run(script, timeout=30).stdout

    def haproxy_metric(self, name: str, machine: Machine) -> float | None:
        """Return one value of a machine's HAProxy, or None if that does not answer."""
        try:
            text = self.curl(machine, f"{STACK}_haproxy", "http://127.0.0.1:8405/metrics")
        except MachineError:
            return None
        values = [line.split()[-1] for line in text.splitlines() if line.startswith(name)]
        return sum(float(value) for value in values) if values else None

    def state(self) -> str:
        """Return what the Swarm says of its tasks, for a message."""
        commands = (
            "docker node ls",
            f"docker stack ps --no-trunc {STACK}",
            f"docker service logs --tail 20 {STACK}_haproxy",
            f"docker service logs --tail 20 {STACK}_bitrun",
        )
        texts = []
        for command in commands:
            try:
                done = self.first.run(command, timeout=30)
            except MachineError as error:
                texts.append(str(error))
            else:
                texts.append(done.stdout + done.stderr)
        return "\n".join(texts)

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        return self.front.request(method, path, **options)  # type: ignore[arg-type]


def token_in(text: str) -> str:
    """Return the token that a command has shown, or nothing."""
    found = _TOKEN.search(text)
    return "" if found is None else found[0]


class Authority:
    """The one whose certificates clients and nodes trust; it has a folder for its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        _openssl("-subj", "/CN=authority", "-keyout", self._key, "-out", self.certificate)

    def issue(self, name: str, folder: Path) -> None:
        """Write `fullchain.pem` and `privkey.pem`, a new certificate and its key, into a folder."""
        _openssl(
            "-CA", self.certificate, "-CAkey", self._key, "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem",
        )  # fmt: skip


def _openssl(*options: str | Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", *options],
        check=True, capture_output=True,
    )  # fmt: skip
