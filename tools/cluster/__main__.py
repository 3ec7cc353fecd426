"""`make test-cluster`: a Swarm of three machines on this one, as docs/swarm.md makes it.

Needs root, a Docker engine with the default packages, and half an hour at most. Everything runs in
namespaces of its own, and ends with this command. Writes docs/cluster.md; exits with 1 on any
failure.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.support.paths import ROOT
from tools.bench.machine import description
from tools.cluster import costs, images, network, page
from tools.cluster.deployment import NAME, Cluster
from tools.cluster.machine import CGROUP, Machine
from tools.cluster.scenarios import Scenarios
from tools.vm.image import install_programs

_CACHE = ROOT / "build" / "cluster"
_STACK_IMAGES, _PACKAGE_IMAGES = _CACHE / "stack.tar", _CACHE / "packages.tar"
_LOG = _CACHE / "machines.log"
_CGROUPS = Path("/sys/fs/cgroup")
_MACHINES = 3
_PLACES = 4  # of each node: a run costs the one machine that all of them are
_MAX_MINUTES = 30.0
_GONE_SECONDS = 30.0

_PROGRAMS: dict[str, Sequence[str]] = {
    "unshare": ("util-linux",),
    "nsenter": ("util-linux",),
    "ip": ("iproute2",),
    "docker-init": ("tini",),
    "haproxy": ("haproxy",),
    "openssl": ("openssl",),
    "curl": ("curl",),
}
_SETTINGS = {
    "BITRUN_POOL_SIZE": "4",
    # The machine is one, slow with three nodes on it; with a container for each run, its processors
    # would be the limit and not the places.
    "BITRUN_RUNS_PER_BOX": "100",
    "BITRUN_RUN_TIMEOUT": "30000",
    "BITRUN_LOG_FORMAT": "json",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", description=__doc__)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--keep-images", action="store_true", help="use the last archive of images")
    parser.add_argument(
        "--only", nargs="+", default=[], help="these scenarios, in this order; writes no page"
    )
    options = parser.parse_args()
    if unknown := {*options.only} - {*Scenarios.ALL}:
        parser.error(f"there is no {', '.join(unknown)}, only {', '.join(Scenarios.ALL)}")
    if options.inside is not None:
        return _test(options.inside, options.only)
    if os.geteuid() != 0:
        sys.exit("Namespaces and engines of one's own need root: run this as root")
    install_programs(_PROGRAMS)
    _CACHE.mkdir(parents=True, exist_ok=True)
    if not (options.keep_images and _PACKAGE_IMAGES.exists()):
        images.pack(_STACK_IMAGES, _PACKAGE_IMAGES, ["bash"])
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    return _run_inside(options.only)


def _run_inside(only: Sequence[str]) -> int:
    """Run this program again, in namespaces that end with it."""
    # On a real file system, for overlay2; the path of a copy of the checkout is in it, too.
    with tempfile.TemporaryDirectory(prefix="bitrun-cluster-", dir="/var/tmp") as folder:
        command = [
            "unshare", "--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child",
            sys.executable, "-m", "tools.cluster", "--inside", folder,
            *(["--only", *only] if only else []),
        ]  # fmt: skip
        try:
            return subprocess.run(
                command, cwd=ROOT, timeout=_MAX_MINUTES * 60, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            print(f"Ended after {_MAX_MINUTES:.0f} minutes", file=sys.stderr)
            return 1
        finally:
            logs = [path.read_bytes() for path in sorted(Path(folder).glob("*.log"))]
            _LOG.write_bytes(b"\n".join(logs))
            _remove_cgroups()


def _test(folder: Path, only: Sequence[str]) -> int:
    network.create()
    shared = costs.measure()  # before there are machines, which need the processors
    network.name_machines(NAME, _MACHINES, folder)
    machines = [
        Machine(f"node{number}", str(network.NETWORK[number]), folder)
        for number in range(1, _MACHINES + 1)
    ]
    for machine in machines:
        machine.power_on()
        network.plug_in(machine)
        machine.boot()
        images.load(machine.docker_host, _STACK_IMAGES)
        print(f"{machine.name} is on", flush=True)
    # The others get them from the cluster's registry.
    images.load(machines[0].docker_host, _PACKAGE_IMAGES)
    variables = {
        "RUNS_PER_NODE": str(_PLACES),
        # With two nodes, on a slow machine, runs may wait for longer than by default.
        "QUEUE_SECONDS": "40",
        "BITRUN_PACKAGES": "bash",
        "BITRUN_DIALECTS": "v1 piston sandboxes mcp judge0",
    }
    cluster = Cluster(machines, folder, _SETTINGS, variables)
    cluster.deploy()
    scenarios = Scenarios(cluster, _PLACES)
    scenarios.run(only or Scenarios.ALL)
    if not only:
        page.write(scenarios.findings, shared, description())
    for machine in machines:
        machine.cut_power()
    failures = scenarios.findings.failures
    print(*(failures or ["All as promised"]), sep="\n", flush=True)
    return 1 if failures else 0


def _remove_cgroups() -> None:
    """Remove the cgroups of the machines' containers, which no namespace removes.

    If this program was stopped they are empty only when the kernel has killed the last of the
    processes.
    """
    deadline = time.monotonic() + _GONE_SECONDS
    for top in (*_CGROUPS.glob(CGROUP), *_CGROUPS.glob(f"*/{CGROUP}")):
        for folder, _, _ in os.walk(top, topdown=False):
            while True:
                try:
                    Path(folder).rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.1)
                else:
                    break


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
