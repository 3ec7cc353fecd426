"""Packages of several nodes that have one registry."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bitrun.config import catalogue
from bitrun.config.catalogue import Package
from bitrun.config.settings import Settings
from bitrun.engine.events import EngineEvents
from bitrun.images.registry import Entry, ImageRegistry, merge
from bitrun.images.rootfs import UPSTREAM
from bitrun.images.sealed import SealedImages
from bitrun.model.errors import BuildError, EngineError, EngineUnavailable, PackageArriving
from bitrun.packages.cluster import ClusterPackages, NodeState
from bitrun.packages.installed import InstalledPackages
from bitrun.packages.manager import PackageManager
from bitrun.packages.runtimes import Runtimes
from tests.support.fake_engine import FakeEngine, FakeRegistry, Hang, refused, unavailable
from tests.support.fake_images import NoBoxes
from tests.support.paths import ROOT

REPOSITORY = "registry.test:5000/bitrun"
LIST = f"{REPOSITORY}:packages"
KNOWN = catalogue.load(Settings().languages)


def package(name: str) -> Package:
    found = KNOWN.package(name)
    assert found is not None
    return found


BASH, RUBY = package("bash"), package("ruby")


class Node:
    """A service's packages, on an engine of its own."""

    def __init__(self, registry: FakeRegistry, folder: Path = ROOT / "images") -> None:
        self.engine = FakeEngine(NoBoxes())
        self.engine.registry = registry
        self.engine.add_image(UPSTREAM)
        for each in (BASH, RUBY):
            self.engine.outputs[f"{each.image}:unsealed"] = each.version
        self.folder = folder
        self.start()

    def start(self) -> None:
        """Start a service on the engine, or another one after it."""
        images = SealedImages(self.engine, self.folder, shares=True)
        self.installed = InstalledPackages(images, EngineEvents(self.engine))
        registry = ImageRegistry(self.engine, images, REPOSITORY)
        self.cluster = ClusterPackages(KNOWN, images, registry, self.installed)
        self.manager = PackageManager(KNOWN, images, self.installed, self.cluster)

    def install(self, name: str) -> None:
        self.manager.begin_install(name, "*")[1].wait()

    @property
    def packages(self) -> set[str]:
        return set(self.installed())

    def builds(self) -> int:
        return self.engine.calls.count("run_command")  # each asks for the version


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def one(registry: FakeRegistry) -> Node:
    return Node(registry)


@pytest.fixture
def other(registry: FakeRegistry) -> Node:
    return Node(registry)


def test_what_one_node_installs_the_others_pull(one: Node, other: Node) -> None:
    one.install("bash")
    assert other.cluster.state(BASH).installed is False
    other.cluster.sync()
    assert other.packages == {"bash"}
    assert other.builds() == 0
    assert other.installed()["bash"].version == one.installed()["bash"].version
    for node in (one, other):
        assert node.cluster.state(BASH).node is NodeState.INSTALLED
        assert node.cluster.is_up
    assert other.cluster.pulls == {"ok": 1, "failed": 0}
    assert other.cluster.listed == 1
    other.cluster.sync()
    assert other.engine.calls.count("pull_image") == 2  # the list, and the image


def test_what_one_node_removes_the_others_remove(one: Node, other: Node) -> None:
    one.install("bash")
    other.cluster.sync()
    # It need not be the one that has installed it.
    other.manager.uninstall("bash", "*")
    assert (other.packages, one.packages) == (set(), {"bash"})
    one.cluster.sync()
    assert one.packages == set()
    one.install("bash")
    other.cluster.sync()
    assert other.packages == {"bash"}


def test_a_node_that_was_away_follows(one: Node, other: Node) -> None:
    one.install("bash")
    other.cluster.sync()
    one.manager.uninstall("bash", "*")
    one.install("ruby")
    other.start()
    assert not other.cluster.is_settled
    other.cluster.sync()
    assert other.cluster.is_settled
    assert other.packages == {"ruby"}


def test_a_package_of_another_node_can_be_removed_before_it_arrives(one: Node, other: Node) -> None:
    one.install("bash")
    other.engine.faults["pull_image"] = refused
    with pytest.raises(EngineError):
        other.cluster.sync()
    del other.engine.faults["pull_image"]
    other.cluster.sync()
    other.manager.uninstall("bash", "*")
    one.cluster.sync()
    assert one.packages == set()


def test_packages_that_were_there_before_are_shared_when_they_are_installed_again(
    registry: FakeRegistry,
) -> None:
    node = Node(registry)
    # As an earlier version of BitRun has sealed it, without a registry.
    SealedImages(node.engine, ROOT / "images").install(BASH, lambda _: None)
    node.cluster.sync()
    assert node.packages == {"bash"}
    node.install("bash")
    joining = Node(registry)
    joining.cluster.sync()
    assert joining.packages == {"bash"}


def test_two_changes_at_once(one: Node, other: Node, registry: FakeRegistry) -> None:
    one.install("bash")
    before = registry.images[LIST]
    one.install("ruby")
    # The other node has read the list before that, and writes it after.
    after, registry.images[LIST] = registry.images[LIST], before
    other.cluster.sync()
    assert other.packages == {"bash"}
    one.cluster.sync()
    assert registry.images[LIST].id not in (before.id, after.id)
    other.cluster.sync()
    assert other.packages == {"bash", "ruby"}


def test_a_registry_that_has_lost_its_list_gets_it_back(
    one: Node, other: Node, registry: FakeRegistry
) -> None:
    one.install("bash")
    del registry.images[LIST]
    other.cluster.sync()
    one.cluster.sync()
    other.cluster.sync()
    assert one.packages == other.packages == {"bash"}


def test_a_node_of_another_version_builds_its_own(
    one: Node, registry: FakeRegistry, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(ROOT / "images", folder)
    (folder / "supervisor" / "changed").touch()
    newer, newest = Node(registry, folder), Node(registry, folder)
    one.install("bash")
    newer.cluster.sync()
    assert newer.builds() == 1
    newest.cluster.sync()
    assert newest.builds() == 0
    assert newest.packages == {"bash"}
    for node in (one, newer, newest):
        before = node.builds(), node.engine.calls.count("pull_image")
        node.cluster.sync()
        assert node.packages == {"bash"}
        assert node.builds() == before[0]
        assert node.engine.calls.count("pull_image") <= before[1] + 1  # the list


def test_an_updated_node_is_ready_with_what_it_has(one: Node, other: Node, tmp_path: Path) -> None:
    one.install("bash")
    other.cluster.sync()
    shutil.copytree(ROOT / "images", tmp_path / "images")
    (tmp_path / "images" / "supervisor" / "changed").touch()
    other.folder = tmp_path / "images"
    other.start()
    hang = other.engine.faults["build_image"] = Hang()
    syncing = threading.Thread(target=other.cluster.sync)
    syncing.start()
    assert hang.entered.wait(20)
    assert other.cluster.is_settled
    assert other.packages == {"bash"}
    hang.release()
    syncing.join()
    assert other.builds() == 1


def test_a_joining_node_is_not_ready_before_it_has_its_packages(one: Node, other: Node) -> None:
    one.install("bash")
    assert other.cluster.read_list() == 1
    hang = other.engine.faults["pull_image"] = Hang()
    syncing = threading.Thread(target=other.cluster.sync)
    syncing.start()
    assert hang.entered.wait(20)
    assert not other.cluster.is_settled
    hang.release()
    syncing.join()
    assert other.cluster.is_settled


@pytest.mark.parametrize(
    "label", ["bitrun.package", "bitrun.source", "bitrun.seal", "bitrun.image", "bitrun.version"]
)
def test_an_image_that_is_not_what_its_name_says(
    one: Node, other: Node, registry: FakeRegistry, label: str
) -> None:
    one.install("bash")
    for name, image in registry.images.items():
        if name != LIST:
            image.labels[label] = ""
    other.cluster.sync()
    assert other.packages == set()
    assert other.cluster.state(BASH).node is NodeState.FAILED
    assert other.cluster.pulls == {"ok": 0, "failed": 1}
    # Not again at once.
    other.cluster.sync()
    assert other.cluster.pulls["failed"] == 1
    assert not any("registry.test" in tag for tag in names(other))


def test_a_list_that_is_none(one: Node, other: Node, registry: FakeRegistry) -> None:
    one.install("bash")
    other.cluster.sync()
    for text in ("", "[]", "{", json.dumps({"bash": 1}), json.dumps({"bash": [1, True, 3]})):
        registry.images[LIST].labels["bitrun.packages"] = text
        registry.images[LIST].id += "0"
        with pytest.raises(BuildError, match="is no list of packages"):
            other.cluster.sync()
        assert other.packages == {"bash"}
        assert not other.cluster.is_up


def test_a_registry_that_is_away(one: Node, other: Node) -> None:
    one.install("bash")
    other.cluster.sync()
    other.engine.faults["registry_digest"] = unavailable
    calls: list[Callable[[], object]] = [
        other.cluster.sync,
        lambda: other.install("ruby"),
        lambda: other.manager.uninstall("bash", "*"),
    ]
    for call in calls:
        with pytest.raises(EngineUnavailable):
            call()
    assert other.packages == {"bash"}
    assert (other.cluster.is_up, other.builds()) == (False, 0)
    del other.engine.faults["registry_digest"]
    other.cluster.sync()
    assert other.cluster.is_up


def test_a_registry_that_takes_nothing(one: Node) -> None:
    one.engine.faults["push_image"] = refused
    with pytest.raises(EngineError):
        one.install("bash")
    assert one.cluster.state(BASH).installed is False
    del one.engine.faults["push_image"]
    one.install("bash")
    assert one.builds() == 1
    assert one.cluster.state(BASH).installed is True


def test_the_first_request_waits_for_its_package(one: Node, other: Node) -> None:
    one.install("bash")
    hang = Hang()
    other.engine.faults["run_command"] = unavailable
    runtimes = Runtimes(KNOWN, other.installed, other.cluster, timeout=0.05)
    assert runtimes.find("bash", "*") is None
    # It has read the list, and pulls another package.
    other.cluster._known = one.cluster._known  # noqa: SLF001
    other.engine.faults["pull_image"] = hang
    with pytest.raises(PackageArriving, match="bash is being pulled to this node"):
        runtimes.find("bash", "*")
    assert other.cluster.state(BASH).node is NodeState.ARRIVING
    patient = Runtimes(KNOWN, other.installed, other.cluster, timeout=60)
    threading.Timer(0.1, hang.release).start()
    found = patient.find("bash", BASH.version)
    assert found is not None
    assert found.package is BASH
    assert patient.find("ruby", "*") is None
    assert patient.find("bash", "99.x") is None


def test_a_request_for_a_package_that_can_not_be_had(one: Node, other: Node) -> None:
    one.install("bash")
    other.cluster._known = one.cluster._known  # noqa: SLF001
    other.engine.faults["pull_image"] = refused
    runtimes = Runtimes(KNOWN, other.installed, other.cluster, timeout=60)
    for _ in range(2):
        with pytest.raises(PackageArriving, match="could not be pulled"):
            runtimes.find("bash", "*")
    assert other.engine.calls.count("pull_image") == 1


def test_nothing_of_the_registry_is_left_on_an_engine(one: Node, other: Node) -> None:
    one.install("bash")
    one.install("ruby")
    other.cluster.sync()
    other.manager.uninstall("ruby", "*")
    one.cluster.sync()
    for node in (one, other):
        assert not any("registry.test" in tag for tag in names(node))
        assert not any("ruby" in tag for tag in names(node))


def names(node: Node) -> list[str]:
    return [tag for image in node.engine.list_images("bitrun.source") for tag in image.tags]


def test_lists_merge_in_any_order() -> None:
    entries = [
        Entry(1, installed=True, builds={"amd64-1": "a"}),
        Entry(2, installed=False),
        Entry(2, installed=True, builds={"amd64-1": "b"}),
        Entry(2, installed=True, builds={"amd64-1": "c"}),
    ]
    for one in entries:
        for other in entries:
            newest = merge({"x": one}, {"x": other})
            assert newest == merge({"x": other}, {"x": one})
            assert newest["x"] is max(one, other, key=entries.index)
    assert merge({"x": entries[0]}, {"y": entries[1]}).keys() == {"x", "y"}
