"""An engine without Docker, behind the seam of the real one.

Containers, images and events are objects in memory. What runs in a container is given to
`FakeEngine` as `Boxes`: a real supervisor (`tests.support.process_boxes`) or a scripted one
(`tests.support.fake_supervisor`). `tests/engine/test_contract.py` runs the same tests with this
class and with the real engine.
"""

import io
import os
import queue
import secrets
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

from bitrun.engine.build_output import Report
from bitrun.engine.containers import ContainerEnd
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.images import Image
from bitrun.engine.info import EngineInfo
from bitrun.model.errors import BuildError, EngineError, EngineUnavailable
from tools.bench import machine

GIGABYTE = 1_000_000_000
SMALLEST_MEMORY = 6 * 1024 * 1024

INFO = EngineInfo(
    id="an engine of the tests",
    version="27.5.1",
    system="A machine of the tests",
    kernel="6.12",
    storage="overlay2",
    memory=8 * GIGABYTE,
    cgroup_version="2",
    cgroup_driver="systemd",
    supported_limits={"memory": True, "processes": True, "processors": True},
    swap_limit=True,
    seccomp="builtin",
)


# Faults: what a call does instead of its work, or before it.

Fault = Callable[[], None]


def unavailable() -> None:
    raise EngineUnavailable("The Docker engine does not answer: a fault of the test")


def refused() -> None:
    raise EngineError("a fault of the test")


def slow(seconds: float) -> Fault:
    return lambda: time.sleep(seconds)


class Hang:
    """A call that waits until `release`, or until the timeout of the engine."""

    def __init__(self, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._released = threading.Event()
        self.entered = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        if not self._released.wait(self._timeout):
            unavailable()

    def release(self) -> None:
        self._released.set()


class Running(Protocol):
    """What runs in a started container."""

    @property
    def pid(self) -> int:
        """The process that it lives with."""

    def wait(self) -> int:
        """Return its exit status once it has ended."""

    def kill(self) -> None: ...


NEW = ".new"  # the end of a file in the journal that is being written


@dataclass(eq=False)
class Container:
    id: str
    image: str  # the id of an image
    command: list[str]
    host: dict[str, Any]
    labels: Mapping[str, str]
    options: dict[str, Any]
    state: str = "created"
    cpu_shares: int = 0  # 0 is the engine's way to say the default
    out_of_memory: bool = False
    exit_code: int = 0
    attached: socket.socket | None = None
    running: Running | None = None
    gone: threading.Event = field(default_factory=threading.Event)


class Boxes(Protocol):
    def start(self, container: Container, attached: socket.socket) -> Running:
        """Start a container's command; its streams are `attached`, which it owns from now on."""


@dataclass(eq=False)
class _Image:
    id: str
    tags: list[str]
    labels: dict[str, str]
    volumes: tuple[str, ...] = ()
    parent: str = ""  # its id

    def copy(self) -> "_Image":
        """Return the same image as another engine has it that has pulled it."""
        return _Image(self.id, [], dict(self.labels), self.volumes)


@dataclass(eq=False)
class FakeRegistry:
    """A registry, which several engines may share: its images by their names."""

    images: dict[str, _Image] = field(default_factory=dict)


def process_identity(pid: int) -> str:
    """Return the id of a process and when it has started, since ids come round again.

    Raises:
        FileNotFoundError: there is none.
    """
    # The name, in parentheses, may have spaces and parentheses itself.
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return f"{pid} {fields[19]}"


class FakeEngine(Engine):
    """An engine in memory.

    `journal` is a folder that has a file for each existing container: its name is the container's
    id, its content the identity of the process that the container lives with.
    """

    def __init__(self, boxes: Boxes, timeout: float = 60.0, journal: Path | None = None) -> None:
        super().__init__(timeout)
        self.registry = FakeRegistry()
        self.faults: dict[str, Fault] = {}  # by name of the method; "*" is for all
        self.containers: dict[str, Container] = {}
        self._ended: dict[str, Container] = {}
        self.networks: dict[str, Mapping[str, str]] = {}
        self.volumes: dict[str, Mapping[str, str]] = {}
        self.outputs: dict[str, str] = {}  # of commands, by name of the image they run in
        self.engine_info = INFO
        self.calls: list[str] = []
        self._boxes = boxes
        self._journal = journal
        self._images: list[_Image] = []
        self._subscribers: list[tuple[frozenset[str], queue.SimpleQueue[tuple[str, str] | None]]]
        self._subscribers = []
        self._state = threading.RLock()

    @contextmanager
    def _call(self, method: str) -> Iterator[None]:
        with super()._call(method):
            self.calls.append(method)
            for name in ("*", method):
                if (fault := self.faults.get(name)) is not None:
                    fault()
            yield

    def close(self) -> None:
        """End the streams of events, as closed connections do."""
        with self._state:
            for _, events in self._subscribers:
                events.put(None)

    # Containers

    def create_container(
        self, image: str, command: list[str], host: dict[str, Any], **options: Any
    ) -> str:
        with self._call("create_container"), self._state:
            found = self._find(image)
            if found is None:
                raise NotOnEngine(f"No such image: {image}")
            labels = options.pop("labels", {})
            container = Container(
                secrets.token_hex(32), found.id, command, dict(host), labels, options
            )
            self.containers[container.id] = container
            self._note(container, os.getpid())
            return container.id

    def attach_container(self, container: str) -> socket.socket:
        with self._call("attach_container"), self._state:
            ours, theirs = socket.socketpair()
            self._get(container).attached = theirs
            return ours

    def start_container(self, container: str) -> None:
        with self._call("start_container"), self._state:
            found = self._get(container)
            if found.attached is None:
                raise EngineError("a container of the tests is attached before its start")
            attached, found.attached = found.attached, None
            found.running = self._boxes.start(found, attached)
            self._note(found, found.running.pid)
            found.state = "running"
        threading.Thread(
            target=self._follow, args=(found,), name=f"box-{found.id[:12]}", daemon=True
        ).start()

    def _note(self, container: Container, pid: int) -> None:
        if self._journal is not None:
            # At once: the process may be killed in between, and an empty file would stay.
            new = self._journal / f"{container.id}{NEW}"
            try:
                new.write_text(process_identity(pid))
            except (FileNotFoundError, ProcessLookupError):  # it has ended
                new.write_text("0 0")
            new.rename(self._journal / container.id)

    def _follow(self, container: Container) -> None:
        assert container.running is not None
        container.running.wait()
        if container.host.get("auto_remove"):
            self._forget(container)
        else:
            container.state = "exited"

    def _forget(self, container: Container) -> None:
        with self._state:
            if self.containers.pop(container.id, None) is None:
                return
            self._ended[container.id] = container
            if container.attached is not None:
                container.attached.close()
            if self._journal is not None:
                (self._journal / container.id).unlink()
        container.gone.set()
        self._emit("destroy", container.id)

    def kill_container(self, container: str, *, out_of_memory: bool = False) -> None:
        """End a container by force, as an operator does, or the kernel for its memory limit."""
        found = self._get(container)
        found.out_of_memory = out_of_memory
        found.exit_code = 137
        assert found.running is not None
        found.running.kill()

    def set_memory_limit(self, container: str, size: int) -> None:
        with self._call("set_memory_limit"), self._state:
            if size < SMALLEST_MEMORY:
                raise EngineError("Minimum memory limit allowed is 6MB")
            self._get(container).host |= {"mem_limit": size, "memswap_limit": size}

    def set_process_limit(self, container: str, number: int) -> None:
        with self._call("set_process_limit"), self._state:
            self._get(container).host["pids_limit"] = number

    def set_cpu_shares(self, container: str, shares: int) -> None:
        with self._call("set_cpu_shares"), self._state:
            if container in self.containers:
                self.containers[container].cpu_shares = shares

    def execute(self, container: str, command: Sequence[str]) -> None:
        with self._call("execute"):
            running = self._get(container).running
            assert running is not None
            # The process of a container is the parent of the first one in its namespaces.
            (child,) = machine.children(running.pid)
            inside = ["nsenter", "-t", str(child), "--pid", "--mount", "--root", "--", *command]
            subprocess.run(inside, check=False, capture_output=True)

    def remove_container(self, container: str) -> None:
        with self._call("remove_container"):
            with self._state:
                found = self.containers.get(container)
            if found is None:
                return
            if found.running is not None:
                found.exit_code = 137
                found.running.kill()
                found.running.wait()
            self._forget(found)

    def list_containers(self, label: str, value: str | None = None) -> list[dict[str, Any]]:
        with self._call("list_containers"), self._state:
            return [
                {
                    "Id": each.id,
                    "ImageID": each.image,
                    "State": each.state,
                    "Labels": dict(each.labels),
                }
                for each in self.containers.values()
                if label in each.labels and value in (None, each.labels[label])
            ]

    def find_end(self, container: str, timeout: float) -> ContainerEnd:
        with self._call("find_end"), self._state:
            found = self.containers.get(container) or self._ended[container]
        if not found.out_of_memory and not found.gone.wait(timeout):
            unavailable()
        return ContainerEnd(found.out_of_memory, None if found.out_of_memory else found.exit_code)

    def run_command(self, image: str, command: Sequence[str]) -> str:
        with self._call("run_command"), self._state:
            found = self._find(image)
            if found is None:
                raise NotOnEngine(f"No such image: {image}")
            for name in found.tags:
                if name in self.outputs:
                    return self.outputs[name]
            raise BuildError(f"{command} in {image} exited with 127: not found")

    def ensure_network(self, name: str, labels: dict[str, str]) -> None:
        with self._call("ensure_network"), self._state:
            self.networks.setdefault(name, labels)

    def ensure_volume(self, name: str, labels: dict[str, str], options: Mapping[str, str]) -> None:
        with self._call("ensure_volume"), self._state:
            self.volumes.setdefault(name, options)

    # Images

    def add_image(
        self,
        tag: str,
        labels: Mapping[str, str] | None = None,
        volumes: tuple[str, ...] = (),
        parent: str = "",
    ) -> str:
        """Put an image on the engine, or replace the one of this name; return its id."""
        image = _new_image(labels or {}, volumes, parent)
        with self._state:
            self._images.append(image)
            self._tag(image, tag)
        return image.id

    def copy_images(self, other: "FakeEngine") -> None:
        """Have the images of another engine, too."""
        for image in other._images:  # noqa: SLF001  of the same class
            self._images.append(
                _Image(image.id, list(image.tags), dict(image.labels), image.volumes, image.parent)
            )

    def find_image(self, reference: str) -> Image | None:
        with self._call("find_image"), self._state:
            found = self._find(reference)
            return None if found is None else _plain(found)

    def list_images(self, label: str) -> list[Image]:
        with self._call("list_images"), self._state:
            return [
                _plain(each, ())
                for each in self._images
                if label in each.labels and (each.tags or not self._has_children(each))
            ]

    def build_image(
        self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report
    ) -> None:
        """Follow FROM and LABEL, and fail at `RUN false`; others only show progress."""
        with self._call("build_image"):
            steps = _instructions(context)
            steps += [f"LABEL {name}={value}" for name, value in labels.items()]
            inherited: dict[str, str] = {}
            parent = ""
            for number, step in enumerate(steps, 1):
                report(f"Step {number}/{len(steps)} : {step}")
                instruction, _, rest = step.partition(" ")
                if instruction.upper() == "FROM":
                    parent, inherited = self._parent(rest.split()[0])
                elif instruction.upper() == "LABEL":
                    name, _, value = rest.partition("=")
                    inherited[name] = value.strip('"')
                elif step == "RUN false":
                    self._images.append(_new_image(inherited, parent=parent))
                    raise BuildError("The command '/bin/sh -c false' returned a non-zero code: 1")
            image = self.add_image(tag, inherited, parent=parent)
            report(f"Successfully built {image.removeprefix('sha256:')[:12]}")

    def _parent(self, reference: str) -> tuple[str, dict[str, str]]:
        if reference == "scratch":
            return "", {}
        if (parent := self._find(reference)) is None:
            raise BuildError(f"pull access denied for {reference}")
        return parent.id, dict(parent.labels)

    def is_in_registry(self, reference: str) -> bool:
        return False

    def registry_digest(self, reference: str) -> str | None:
        with self._call("registry_digest"), self._state:
            found = self.registry.images.get(_full(reference))
            return None if found is None else f"sha256:{sha256(found.id.encode()).hexdigest()}"

    def push_image(self, reference: str, report: Report) -> None:
        with self._call("push_image"), self._state:
            found = self._find(reference)
            if found is None:
                raise BuildError(f"An image does not exist locally with the tag: {reference}")
            self.registry.images[_full(reference)] = found.copy()

    def pull_image(self, reference: str, report: Report) -> None:
        with self._call("pull_image"), self._state:
            offered = self.registry.images.get(_full(reference))
            if offered is None:
                raise NotOnEngine(f"pull access denied for {reference}")
            image = self._find(offered.id)
            if image is None:
                image = offered.copy()
                self._images.append(image)
            self._tag(image, reference)
            self._emit("pull", image.id)

    def import_image(self, path: Path, tag: str, labels: dict[str, str]) -> None:
        with self._call("import_image"):
            path.stat()
            self.add_image(tag, labels)

    def tag_image(self, reference: str, name: str) -> None:
        with self._call("tag_image"), self._state:
            found = self._find(reference)
            if found is None:
                raise NotOnEngine(f"No such image: {reference}")
            self._tag(found, name)

    def remove_image(self, reference: str, *, force: bool = False) -> bool:
        with self._call("remove_image"), self._state:
            found = self._find(reference)
            if found is None:
                return True
            others = [tag for tag in found.tags if tag != _full(reference)]
            if not others and not force and self._is_used(found):
                return False
            if reference != found.id:
                found.tags = others
                self._emit("untag", found.id)
            return self._discard(found) or reference != found.id

    def _discard(self, image: _Image) -> bool:
        """Remove an image without names, and its parents without names and other children."""
        if image.tags or self._is_used(image) or self._has_children(image):
            return False
        self._images.remove(image)
        self._emit("delete", image.id)
        if (parent := self._find(image.parent)) is not None:
            self._discard(parent)
        return True

    # The engine itself

    def ping(self) -> None:
        with self._call("ping"):
            pass

    def info(self) -> EngineInfo:
        with self._call("info"):
            return self.engine_info

    def architecture(self) -> str:
        with self._call("architecture"):
            return "amd64"

    def events(self, actions: Sequence[str]) -> Iterator[tuple[str, str]]:
        with self._call("events"), self._state:
            subscriber: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
            self._subscribers.append((frozenset(actions), subscriber))
        return iter(subscriber.get, None)

    def end_events(self) -> None:
        """End the streams of events, as an engine does that stops."""
        self.close()

    # Behind the calls

    def _emit(self, action: str, identity: str) -> None:
        with self._state:
            for actions, events in self._subscribers:
                if action in actions:
                    events.put((action, identity))

    def _get(self, container: str) -> Container:
        if container not in self.containers:
            raise NotOnEngine(f"No such container: {container}")
        return self.containers[container]

    def _find(self, reference: str) -> _Image | None:
        for image in self._images:
            if reference == image.id or _full(reference) in image.tags:
                return image
        return None

    def _tag(self, image: _Image, tag: str) -> None:
        for other in self._images:
            if _full(tag) in other.tags:
                other.tags.remove(_full(tag))
        image.tags.append(_full(tag))
        self._emit("tag", image.id)

    def _has_children(self, image: _Image) -> bool:
        return any(each.parent == image.id for each in self._images)

    def _is_used(self, image: _Image) -> bool:
        return any(each.image == image.id for each in self.containers.values())


def _new_image(
    labels: Mapping[str, str], volumes: tuple[str, ...] = (), parent: str = ""
) -> _Image:
    return _Image(f"sha256:{secrets.token_hex(32)}", [], dict(labels), volumes, parent)


def _full(tag: str) -> str:
    return tag if ":" in tag.rpartition("/")[2] else f"{tag}:latest"


def _plain(image: _Image, volumes: tuple[str, ...] | None = None) -> Image:
    known = image.volumes if volumes is None else volumes
    return Image(image.id, tuple(image.tags), dict(image.labels), known)


def _instructions(context: IO[bytes]) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(context.read())) as archive:
        (entry,) = (each for each in archive if each.name.removeprefix("./") == "Dockerfile")
        found = archive.extractfile(entry)
        assert found is not None
        text = found.read().decode()
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
