"""What the engine and the fake one of the tests have in common."""

import inspect
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrun.config.settings import Settings
from bitrun.engine.engine import Engine
from bitrun.engine.errors import NotOnEngine
from bitrun.engine.labels import INSTANCE, ROLE
from bitrun.model.errors import BuildError, EngineError, EngineUnavailable
from bitrun.model.output import Stream
from bitrun.model.result import Verdict
from bitrun.sandbox.box_maker import BoxMaker
from bitrun.sandbox.supervisor import SUPERVISOR
from tests.support import fake_engine as faults
from tests.support.fake_engine import FakeEngine
from tests.support.ports import free_port
from tests.support.registry_server import RegistryServer
from tests.support.stages import BOX_LIMITS, collect, stage
from tests.support.waiting import wait_until

TAG = "bitrun/test-contract"
OTHER = f"{TAG}:other"
LABEL = "bitrun.test-contract"
NOTHING = "0" * 64


@pytest.fixture
def boxes(engine: Engine) -> BoxMaker:
    return BoxMaker(engine, Settings())


@pytest.fixture
def images(engine: Engine) -> Iterator[Engine]:
    """The engine, from which the images of the test are removed after it."""
    yield engine
    for image in engine.list_images(LABEL):
        for name in image.tags or (image.id,):
            engine.remove_image(name)
    assert not engine.list_images(LABEL)


def of_instance(engine: Engine, boxes: BoxMaker) -> list[dict[str, Any]]:
    return engine.list_containers(INSTANCE, boxes.instance)


def test_the_fake_has_every_method_of_its_own() -> None:
    public = {name for name, _ in inspect.getmembers(Engine, callable) if not name.startswith("_")}
    assert public <= vars(FakeEngine).keys()


# Containers


@pytest.mark.also_engine
def test_another_command_in_a_container(engine: Engine, boxes: BoxMaker) -> None:
    with pytest.raises(NotOnEngine):
        engine.execute(NOTHING, [SUPERVISOR, "kill"])
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        box.supervisor.start(stage("sh", "-c", "echo started; sleep 600", wall_ms=600_000))
        assert box.supervisor.receive(10) == [(Stream.STDOUT, b"started\n")]
        engine.execute(box.container, [SUPERVISOR, "kill"])
        (verdict,) = box.supervisor.receive(10)
        assert isinstance(verdict, Verdict)
        assert verdict.signal == "SIGKILL"


@pytest.mark.also_engine
def test_a_box_from_its_creation_to_its_end(engine: Engine, boxes: BoxMaker) -> None:
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        (found,) = of_instance(engine, boxes)
        assert found["Id"] == box.container
        assert found["State"] == "running"
        assert found["Labels"] == found["Labels"] | {ROLE: "box", INSTANCE: boxes.instance}
        image = engine.find_image("bitrun/bash")
        assert image is not None
        assert found["ImageID"] == image.id
        assert found in engine.list_containers(ROLE)
        assert collect(box.supervisor, stage("echo", "x"))[1] == b"x\n"
    # Leaving it is enough.
    assert wait_until(lambda: not of_instance(engine, boxes), 5)
    assert engine.find_end(box.container, 5) == (False, 0)


@pytest.mark.also_engine
def test_its_events(engine: Engine, boxes: BoxMaker) -> None:
    events = engine.events(["destroy"])
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        pass
    assert ("destroy", box.container) in events


@pytest.mark.also_engine
def test_removal_by_force(engine: Engine, boxes: BoxMaker) -> None:
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        engine.remove_container(box.container)
        assert not of_instance(engine, boxes)
        assert wait_until(lambda: not box.is_idle(), 1)
        assert engine.find_end(box.container, 5) == (False, 137)
        engine.remove_container(box.container)


@pytest.mark.also_engine
def test_a_container_that_was_never_started(engine: Engine, boxes: BoxMaker) -> None:
    container = engine.create_container(
        "bitrun/bash", ["sleep", "1"], {"network_mode": "none"}, labels={INSTANCE: boxes.instance}
    )
    assert [each["State"] for each in of_instance(engine, boxes)] == ["created"]
    engine.remove_container(container)
    assert not of_instance(engine, boxes)


@pytest.mark.also_engine
def test_changes_of_a_running_container(engine: Engine, boxes: BoxMaker) -> None:
    with boxes.make("bitrun/bash", BOX_LIMITS) as box:
        engine.set_memory_limit(box.container, 32 << 20)
        engine.set_process_limit(box.container, 32)
        engine.set_cpu_shares(box.container, 128)
        with pytest.raises(EngineError):
            engine.set_memory_limit(box.container, 1)


@pytest.mark.also_engine
def test_what_is_not_there(engine: Engine) -> None:
    before = engine.error_counts
    with pytest.raises(NotOnEngine):
        engine.create_container("bitrun/nothing", ["true"], {})
    for call in (engine.start_container, engine.attach_container):
        with pytest.raises(NotOnEngine):
            call(NOTHING)
    with pytest.raises(NotOnEngine):
        engine.set_memory_limit(NOTHING, 32 << 20)
    with pytest.raises(NotOnEngine):
        engine.set_process_limit(NOTHING, 32)
    engine.set_cpu_shares(NOTHING, 128)
    engine.remove_container(NOTHING)
    engine.remove_image("bitrun/nothing")
    assert engine.find_image("bitrun/nothing") is None
    assert engine.list_images("bitrun.nothing") == []
    assert engine.list_containers("bitrun.nothing") == []
    assert engine.error_counts == before


# Images


def build(engine: Engine, dockerfile: str, tag: str = TAG, **labels: str) -> list[str]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile.encode())
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    packed.seek(0)
    lines: list[str] = []
    engine.build_image(packed, tag, {LABEL: "", **labels}, lines.append)
    return lines


@pytest.mark.also_engine
def test_a_build(images: Engine) -> None:
    lines = build(images, 'FROM bitrun/bash\nLABEL own="1"\n', other="2")
    assert lines[0].endswith(" : FROM bitrun/bash")
    assert lines[0].startswith("Step 1/")
    assert lines[-1].startswith("Successfully built ")
    (found,) = images.list_images(LABEL)
    parent = images.find_image("bitrun/bash")
    assert parent is not None
    assert found.labels == dict(parent.labels) | {LABEL: "", "own": "1", "other": "2"}
    assert found.tags == (f"{TAG}:latest",)
    for name in (TAG, f"{TAG}:latest", found.id):
        assert images.find_image(name) == found
    assert images.find_image(OTHER) is None


@pytest.mark.also_engine
def test_a_tag_moves(images: Engine) -> None:
    events = images.events(["tag", "untag", "delete"])
    build(images, "FROM bitrun/bash\nLABEL number=1\n")
    first = images.find_image(TAG)
    build(images, "FROM bitrun/bash\nLABEL number=2\n")
    second = images.find_image(TAG)
    assert first is not None
    assert second is not None
    assert second.labels["number"] == "2"
    assert {each.id: each.tags for each in images.list_images(LABEL)} == {
        first.id: (),
        second.id: (f"{TAG}:latest",),
    }
    assert images.remove_image(first.id)
    assert [each.id for each in images.list_images(LABEL)] == [second.id]
    for event in (("tag", first.id), ("tag", second.id), ("delete", first.id)):
        assert event in events


@pytest.mark.also_engine
def test_an_image_that_a_container_uses_stays(images: Engine, boxes: BoxMaker) -> None:
    build(images, "FROM bitrun/bash\nLABEL number=3\n")
    with boxes.make(TAG, BOX_LIMITS):
        assert not images.remove_image(TAG)
        images.tag_image(TAG, OTHER)
        assert images.remove_image(TAG)
        assert not images.remove_image(OTHER)
        assert images.remove_image(OTHER, force=True)
        (found,) = images.list_images(LABEL)
        assert found.tags == ()
        assert not images.remove_image(found.id)
    assert wait_until(lambda: not of_instance(images, boxes), 5)
    assert images.remove_image(found.id)
    assert not images.list_images(LABEL)


@pytest.mark.also_engine
def test_an_image_goes_with_its_last_name(images: Engine) -> None:
    build(images, "FROM bitrun/bash\n")
    (found,) = images.list_images(LABEL)
    images.tag_image(TAG, OTHER)
    assert images.remove_image(TAG)
    (other,) = images.list_images(LABEL)
    assert (other.id, other.tags) == (found.id, (OTHER,))
    images.tag_image(found.id, TAG)
    assert images.remove_image(OTHER)
    assert images.remove_image(TAG)
    assert not images.list_images(LABEL)
    for missing in (found.id, TAG):
        assert images.remove_image(missing)
        with pytest.raises(NotOnEngine):
            images.tag_image(missing, OTHER)


@pytest.mark.also_engine
def test_an_image_with_children_stays(images: Engine) -> None:
    build(images, "FROM bitrun/bash\n")
    parent = images.find_image(TAG)
    assert parent is not None
    build(images, f"FROM {TAG}\n", OTHER)
    assert images.remove_image(TAG)
    assert [each.tags for each in images.list_images(LABEL)] == [(OTHER,)]
    assert images.find_image(parent.id) is not None
    assert images.remove_image(OTHER)
    assert images.find_image(parent.id) is None


@pytest.mark.also_engine
def test_each_build_makes_an_image_of_its_own(images: Engine) -> None:
    for tag in (TAG, OTHER):
        build(images, "FROM bitrun/bash\n", tag)
    assert len(images.list_images(LABEL)) == 2


@pytest.mark.also_engine
def test_a_failed_build_leaves_an_image_without_a_name(images: Engine) -> None:
    with pytest.raises(BuildError):
        build(images, f"FROM bitrun/bash\nLABEL {LABEL}=failed\nRUN false\n")
    (left,) = images.list_images(LABEL)
    assert (left.tags, left.labels[LABEL]) == ((), "failed")
    assert images.remove_image(left.id)
    assert not images.list_images(LABEL)


@pytest.mark.also_engine
def test_a_build_from_nothing(images: Engine) -> None:
    with pytest.raises(BuildError):
        build(images, "FROM bitrun/nothing\n")
    assert images.find_image(TAG) is None


@pytest.fixture
def repository(engine_kind: str, tmp_path: Path) -> Iterator[str]:
    """A repository of a registry that the engine reaches."""
    if engine_kind == "fake":
        yield "registry.test:5000/bitrun"
        return
    server = RegistryServer(tmp_path)
    yield f"{server.address}/bitrun"
    server.stop()


@pytest.mark.also_engine
def test_an_image_goes_to_a_registry_and_comes_back(images: Engine, repository: str) -> None:
    name = f"{repository}:one"
    dockerfile = "FROM scratch\nCOPY Dockerfile /\n"
    build(images, dockerfile, name, content='{"a":1}')
    assert images.registry_digest(name) is None
    images.push_image(name, lambda _: None)
    digest = images.registry_digest(name)
    assert digest is not None
    assert digest.startswith("sha256:")
    assert images.remove_image(name)
    assert not images.list_images(LABEL)
    images.pull_image(name, lambda _: None)
    pulled = images.find_image(name)
    assert pulled is not None
    assert pulled.labels == {LABEL: "", "content": '{"a":1}'}
    # By another name it stays, and has no trace of the registry.
    images.tag_image(pulled.id, TAG)
    assert images.remove_image(name)
    assert [each.tags for each in images.list_images(LABEL)] == [(f"{TAG}:latest",)]
    images.remove_image(TAG)
    assert not images.list_images(LABEL)
    build(images, dockerfile, name, content="2")
    images.push_image(name, lambda _: None)
    assert images.registry_digest(name) not in (None, digest)


@pytest.mark.also_engine
def test_an_image_that_no_registry_has(images: Engine, repository: str) -> None:
    with pytest.raises(NotOnEngine):
        images.pull_image(f"{repository}:none", lambda _: None)
    with pytest.raises(BuildError):
        images.push_image(f"{repository}:none", lambda _: None)


@pytest.mark.engine
def test_a_registry_that_is_away_is_not_one_without_images(engine: Engine) -> None:
    port = free_port()
    with pytest.raises((EngineError, EngineUnavailable)) as refused:
        engine.registry_digest(f"127.0.0.1:{port}/bitrun:one")
    assert not isinstance(refused.value, NotOnEngine)


@pytest.mark.also_engine
def test_a_command_that_fails(engine: Engine) -> None:
    with pytest.raises(NotOnEngine):
        engine.run_command("bitrun/nothing", ["true"])
    with pytest.raises(BuildError):
        engine.run_command("bitrun/bash", ["sh", "-c", "exit 3"])


@pytest.mark.also_engine
def test_the_engine_itself(engine: Engine) -> None:
    engine.ping()
    info = engine.info()
    assert info.id
    assert engine.info().id == info.id
    assert info.version[0].isdigit()
    assert info.memory > 0
    assert info.supported_limits.keys() == {"memory", "processes", "processors"}
    assert engine.architecture().isalnum()
    assert engine.is_in_registry("bitrun.invalid/nothing") is False


# Faults, which only the fake has


def test_faults_are_counted(fake_engine: FakeEngine) -> None:
    fake_engine.faults["ping"] = faults.unavailable
    with pytest.raises(EngineUnavailable):
        fake_engine.ping()
    fake_engine.faults["ping"] = faults.refused
    with pytest.raises(EngineError):
        fake_engine.ping()
    assert fake_engine.error_counts == {("ping", "unavailable"): 1, ("ping", "refused"): 1}
    del fake_engine.faults["ping"]
    fake_engine.ping()


def test_a_container_that_runs_out_of_memory(fake_engine: FakeEngine) -> None:
    with BoxMaker(fake_engine, Settings()).make("bitrun/bash", BOX_LIMITS) as box:
        box.start(stage("sleep", "9"))
        fake_engine.kill_container(box.container, out_of_memory=True)
        assert box.oom_verdict().oom_killed
