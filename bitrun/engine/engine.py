"""The one seam to docker-py: no other module imports it, but for the `connection` below this one.

Every method answers with plain data or raises an exception of `bitrun.model.errors`, never one of
docker-py or requests. Tests that need a fault which no real engine can show replace this class.
"""

import json
import os
import re
import shlex
import socket
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
import urllib3
from docker import errors

from bitrun.engine.connection import Client
from bitrun.model.errors import BuildError, EngineError, EngineUnavailable

Report = Callable[[str], None]

# What the classic builder says between the lines of a build.
_BOOKKEEPING = (" ---> ", "Removing intermediate container ")
_COLOUR = re.compile(r"\x1b\[\d*m")


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the engine, with all its names."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    volumes: tuple[str, ...] = ()  # told by a look at one image, not in a list


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself and its machine. `memory` is in bytes.

    `supported_limits` says for each kind of limit whether the engine can enforce it; `seccomp` is
    the profile that containers get, None without any.
    """

    version: str
    system: str
    kernel: str
    storage: str
    memory: int
    cgroup_version: str
    cgroup_driver: str
    supported_limits: Mapping[str, bool]
    swap_limit: bool
    seccomp: str | None


# The labels of our containers: what one is for, the service process it belongs to, and so on.
ROLE = "bitrun.role"
INSTANCE = "bitrun.instance"
REQUEST = "bitrun.request"  # the one that it was made for, if any


class NotOnEngine(EngineError):
    """The engine knows no such image or container."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.NotFound as error:
        raise NotOnEngine(str(error.explanation)) from error
    except errors.APIError as error:
        raise EngineError(str(error.explanation or error)) from error
    except (
        errors.DockerException,  # how docker-py says that it can't ask for the engine's version
        errors.StreamParseError,  # a stream that ends in the middle of a message
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        _let_go(error)
        raise EngineUnavailable(f"The Docker engine does not answer: {error}") from error


def _let_go(error: BaseException | None) -> None:
    """Free what the calls that a failure has come through still hold.

    A name in urllib3's holds the failure, which holds the call: such a ring would keep its socket
    until the collector comes by, a hundred of them in an outage of 30 s.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


class Engine:
    """The engine that `DOCKER_HOST` (and `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH`) names.

    Threads may share it. It connects at its first use and again after an outage, so a service can
    start before its engine does.
    """

    def __init__(self, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connected: Client | None = None
        self._faults: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    @property
    def faults(self) -> Mapping[tuple[str, str], int]:
        """How often which call has failed: `unavailable` without an answer, `refused` with one."""
        with self._counting:
            return dict(self._faults)

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        try:
            with _translated():
                yield
        except NotOnEngine:
            raise  # as good an answer as any
        except (EngineError, EngineUnavailable) as fault:
            kind = "refused" if isinstance(fault, EngineError) else "unavailable"
            with self._counting:
                self._faults[name, kind] += 1
            raise

    def _client(self) -> Client:
        with self._lock:
            if self._connected is None:
                self._connected = Client(self._timeout)
            return self._connected

    def ping(self) -> None:
        """Return when the engine answers.

        Raises:
            EngineUnavailable: it does not.
        """
        with self._call("ping"):
            self._client().ping()

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        with self._lock:
            if self._connected is not None:
                self._connected.close()
                self._connected = None

    # Containers

    def create(self, image: str, command: list[str], host: dict[str, Any], **options: Any) -> str:
        """Create a container whose stdin closes for good when its one client leaves.

        `host` holds docker-py's host options, `options` those of the container itself.

        Returns:
            The container's id.

        Raises:
            NotOnEngine: the image is not there.
        """
        with self._call("create"):
            client = self._client()
            config = client.create_container_config(
                image,
                command,
                stdin_open=True,
                host_config=client.create_host_config(**host),
                **options,
            )
            return str(client.call("/containers/create", config)["Id"])

    def attach(self, container: str) -> socket.socket:
        """Open the container's stdin and stdout as one socket.

        What is written to it is stdin; what is read are stdout and stderr in Docker's multiplexed
        format. Attached before the start, it misses nothing.
        """
        with self._call("attach"):
            ways = "stdin=1&stdout=1&stderr=1&stream=1"
            return self._client().call_for_socket(f"/containers/{container}/attach?{ways}")

    def start(self, container: str) -> None:
        with self._call("start"):
            self._client().call(f"/containers/{container}/start")

    def limit_memory(self, container: str, size: int) -> None:
        """Bound a container's memory anew, in bytes, without swap."""
        with self._call("limit_memory"):
            self._client().update_container(container, mem_limit=size, memswap_limit=size)

    def share_processors(self, container: str, shares: int) -> None:
        """Change how large a share of busy processors a container gets; by default 1024.

        An engine that refuses leaves it as it is: what has just ended is a 500 here, as all else.
        """
        with self._call("share_processors"), suppress(errors.APIError):
            self._client().update_container(container, cpu_shares=shares)

    def remove(self, container: str) -> None:
        """Kill and remove a container. One that is already gone, or going, is no error."""
        with self._call("remove"):
            try:
                self._client().remove_container(container, force=True, v=True)
            except errors.NotFound:
                pass
            except errors.APIError as error:
                # 409: its own removal is under way.
                if error.status_code != requests.codes.conflict:
                    raise

    def containers(self, label: str, value: str | None = None) -> list[dict[str, Any]]:
        """List all containers with a label, stopped ones too, as the engine does."""
        wanted = label if value is None else f"{label}={value}"
        with self._call("containers"):
            return list(self._client().containers(all=True, filters={"label": wanted}))

    def events(self, kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Tell what happens to containers and images from the return on: event and object's id.

        `kinds` are the engine's names of events. It ends when the engine does.
        """
        filters = {"type": ["container", "image"], "event": list(kinds)}
        with self._call("events"):
            told = self._client().events(decode=True, filters=filters)
        return self._events(told)

    def _events(self, told: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        with self._call("events"):
            for event in told:
                yield event["Action"], event["Actor"]["ID"]

    def ran_out_of_memory(self, container: str, seconds: float) -> bool:
        """Whether memory ran out in a container that has ended.

        The engine says so before it says that the container is removed, and remembers both for a
        while; `seconds` bounds the wait for them.
        """
        filters = {"container": [container], "event": ["oom", "destroy"]}
        with self._call("events"):
            client = self._client()
            # docker-py's own call would wait without end.
            told = client.get(
                f"{client.base_url}/v{client.api_version}/events",
                params={"since": "1", "filters": json.dumps(filters)},
                stream=True,
                timeout=seconds,
            )
            with told:
                for event in told.iter_lines():
                    return bool(json.loads(event)["Action"] == "oom")
        raise EngineUnavailable("The Docker engine has ended before it told of a box's end")

    def provide_network(self, name: str, labels: dict[str, str]) -> None:
        """Make a bridge, unless it is there, to the world but not from container to container."""
        with self._call("network"):
            try:
                self._client().inspect_network(name)
            except errors.NotFound:
                self._make_network(name, labels)

    def _make_network(self, name: str, labels: dict[str, str]) -> None:
        apart = {"com.docker.network.bridge.enable_icc": "false"}
        try:
            self._client().create_network(
                name, driver="bridge", options=apart, labels=labels, check_duplicate=True
            )
        except errors.APIError as error:
            # 409: someone else was faster.
            if error.status_code != requests.codes.conflict:
                raise

    # SealedImages

    def image(self, reference: str) -> Image | None:
        """Look an image up by name or id; None when the engine has none of it."""
        try:
            with self._call("image"):
                found = self._client().inspect_image(reference)
        except NotOnEngine:
            return None
        return _image(found, found["Config"])

    def images(self, label: str) -> list[Image]:
        """List the images that carry a label, whatever its value."""
        with self._call("images"):
            found = self._client().images(filters={"label": label})
            return [_image(image, image) for image in found]

    def build(self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report) -> None:
        """Build what the Dockerfile of a tar says.

        The tag moves once everything has succeeded; until then it stands where it stood.

        Raises:
            BuildError: a step failed; its last lines are told.
        """
        with self._call("build"):
            progress = self._client().build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                labels=labels,
                buildargs=_proxies(),
                network_mode="host",
                rm=True,
                forcerm=True,
                decode=True,
            )
            _follow(progress, report)

    def offered(self, reference: str) -> bool:
        """Whether a registry has the image and says so within this engine's timeout."""
        try:
            with _translated():
                self._client().inspect_distribution(reference)
        except (EngineError, EngineUnavailable):
            return False
        return True

    def pull(self, reference: str, report: Report) -> None:
        with self._call("pull"):
            _follow(self._client().pull(reference, stream=True, decode=True), report)

    def import_tar(self, path: Path, tag: str, labels: dict[str, str]) -> None:
        """Make an image of one layer from a root file system."""
        changes = [f"LABEL {key}={value}" for key, value in labels.items()]
        with self._call("import_tar"):
            told = self._client().import_image_from_file(str(path), tag, changes=changes)
            _follow(map(json.loads, told.splitlines()), lambda _: None)

    def output(self, image: str, command: Sequence[str]) -> str:
        """Run a short command in an image and return what it prints.

        Raises:
            BuildError: it failed.
        """
        container = self.create(
            image,
            list(command),
            # What it prints is read back from a log, and the engine's own driver may keep none.
            {"network_mode": "none", "log_config": {"Type": "json-file"}},
            entrypoint=[],
            labels={"bitrun.role": "build"},
        )
        try:
            self.start(container)
            with self._call("output"):
                code = self._client().wait(container)["StatusCode"]
                printed = self._client().logs(container, stderr=code != 0).decode(errors="replace")
        finally:
            self.remove(container)
        if code != 0:
            raise BuildError(f"{shlex.join(command)} in {image} exited with {code}: {printed}")
        return str(printed)

    def remove_image(self, reference: str) -> None:
        """Take a name from an image, and the image away with its last name.

        One that a box still uses stays, without a name, until it is pruned.
        """
        with self._call("remove_image"), suppress(errors.NotFound):
            self._client().remove_image(reference, force=True)

    def prune_images(self, label: str) -> None:
        """Remove the images with this label that have lost their names."""
        with self._call("prune_images"):
            try:
                self._client().prune_images({"dangling": True, "label": label})
            except errors.APIError as error:
                # 409: someone else is pruning.
                if error.status_code != requests.codes.conflict:
                    raise

    def has_dangling(self, label: str) -> bool:
        """Whether there are images with this label that have lost their names."""
        with self._call("has_dangling"):
            return bool(self._client().images(filters={"dangling": True, "label": label}))

    def facts(self) -> EngineFacts:
        """Ask the engine what it is and what it can limit."""
        with self._call("facts"):
            told = self._client().info()
        return EngineFacts(
            version=told["ServerVersion"],
            system=told["OperatingSystem"],
            kernel=told["KernelVersion"],
            storage=told["Driver"],
            memory=told["MemTotal"],
            cgroup_version=told.get("CgroupVersion", "1"),
            cgroup_driver=told["CgroupDriver"],
            supported_limits={
                "memory": told["MemoryLimit"],
                "processes": told["PidsLimit"],
                "processors": told["CpuCfsQuota"],
            },
            swap_limit=told["SwapLimit"],
            seccomp=_seccomp_profile(told["SecurityOptions"] or ()),
        )

    def architecture(self) -> str:
        """Name the engine's processor as Go does."""
        with self._call("architecture"):
            return str(self._client().version()["Arch"])


def _seccomp_profile(options: Iterable[str]) -> str | None:
    for option in options:
        values = dict(pair.partition("=")[::2] for pair in option.split(","))
        if values.get("name") == "seccomp":
            return values.get("profile", "default")
    return None


def _image(found: dict[str, Any], labelled: dict[str, Any]) -> Image:
    return Image(
        id=found["Id"],
        tags=tuple(found["RepoTags"] or ()),
        labels=labelled["Labels"] or {},
        volumes=tuple(labelled.get("Volumes") or ()),
    )


def _follow(progress: Iterable[dict[str, Any]], report: Report) -> None:
    last: deque[str] = deque(maxlen=20)
    unfinished = failure = ""
    for message in progress:
        # Output comes as it was written, whole lines or not; states come one by one.
        *lines, unfinished = (unfinished + _told(message)).split("\n")
        for line in lines:
            if line.strip() and not line.startswith(_BOOKKEEPING):
                last.append(line)
                report(line)
        # Nothing follows it, but only a stream read to its end gives its connection back.
        failure = message.get("error", failure)
    if failure:
        raise BuildError("\n".join([*last, *filter(None, (unfinished, failure))]))


def _told(message: dict[str, Any]) -> str:
    if "status" in message and "progress" not in message:
        return f"{message['status']}\n"
    return _COLOUR.sub("", message.get("stream", ""))


def _proxies() -> dict[str, str]:
    """Return this process's proxies in both spellings, since apt reads one and others the other."""
    values = {
        name: os.environ.get(name) or os.environ.get(name.lower())
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    }
    return {
        spelling: value
        for name, value in values.items()
        if value
        for spelling in (name, name.lower())
    }
