"""Changes of images beside other changes on one engine."""

import itertools
import re
import time
from collections.abc import Callable
from io import BytesIO
from typing import IO

import pytest

from bitrun.engine.build_output import Report
from bitrun.images.build_context import pack_dockerfile
from bitrun.images.change import SOURCE_LABEL, ImageChange, remove_unused
from bitrun.model.errors import BuildError
from tests.support.fake_engine import FakeEngine, unavailable
from tests.support.fake_images import NoBoxes

TAG = "bitrun/tool:unsealed"
PARENT = "bitrun/base"


class Engine(FakeEngine):
    """Another change may act during its next build."""

    def __init__(self) -> None:
        super().__init__(NoBoxes())
        self.meanwhile: Callable[[], object] = lambda: None

    def build_image(
        self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report
    ) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        super().build_image(context, tag, labels, report)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def build(
    change: ImageChange, source: str = "1", dockerfile: str = "FROM scratch", tag: str = TAG
) -> str:
    return change.build(tag, dockerfile, {SOURCE_LABEL: source}, lambda _: None)


def install(engine: FakeEngine, source: str = "1", tag: str = TAG) -> None:
    with ImageChange(engine) as change:
        build(change, source, tag=tag)


def sources(engine: FakeEngine) -> list[str]:
    """Return the sources of all images of ours."""
    return sorted(each.labels[SOURCE_LABEL] for each in engine.list_images(SOURCE_LABEL))


def source_of(engine: FakeEngine, name: str) -> str | None:
    image = engine.find_image(name)
    return None if image is None else image.labels[SOURCE_LABEL]


def names(engine: FakeEngine) -> list[str]:
    """Return the kinds of names of all images of ours."""
    tags = itertools.chain.from_iterable(each.tags for each in engine.list_images(SOURCE_LABEL))
    return sorted(re.sub(r"-\d.*", "", tag.partition(":")[2]) for tag in tags)


def test_an_image_has_its_tag_and_a_name_of_its_own(engine: Engine) -> None:
    install(engine)
    assert names(engine) == ["build", "unsealed"]


def test_a_replaced_image_is_removed(engine: Engine) -> None:
    install(engine, "1")
    install(engine, "2")
    assert sources(engine) == ["2"]


def test_an_image_from_a_file_is_removed_as_well(engine: Engine) -> None:
    """It has a tag, but no name of its own."""
    engine.add_image(TAG, {SOURCE_LABEL: "1"})
    install(engine, "2")
    assert sources(engine) == ["2"]


def test_an_image_that_was_installed_meanwhile_is_removed(engine: Engine) -> None:
    with ImageChange(engine) as change:
        engine.meanwhile = lambda: install(engine, "other")
        build(change, "1")
        assert source_of(engine, TAG) == "1"
    assert sources(engine) == ["1"]


def test_an_image_in_use_is_not_removed_by_another_change(engine: Engine) -> None:
    install(engine, "1", PARENT)
    with ImageChange(engine) as change:
        name = change.use(PARENT, "1")
        assert name is not None
        install(engine, "2", PARENT)
        assert source_of(engine, name) == "1"
        origins = {PARENT: name}
        dockerfile = f"FROM {PARENT}"
        change.build(TAG, dockerfile, {SOURCE_LABEL: "child"}, lambda _: None, origins=origins)
        assert change.use(PARENT, "1") == name
    assert sources(engine) == ["2", "child"]
    parent, child = engine.find_image(PARENT), engine.find_image(TAG)
    assert parent is not None
    assert child is not None


def test_a_built_image_is_not_removed_by_another_change_either(engine: Engine) -> None:
    with ImageChange(engine) as change:
        name = build(change, "1")
        install(engine, "2")
        assert source_of(engine, name) == "1"
        assert change.use(TAG, "1") == name
    assert sources(engine) == ["2"]


def test_another_source_is_not_used(engine: Engine) -> None:
    install(engine, "1")
    with ImageChange(engine) as change:
        assert change.use(TAG, "2") is None
        assert change.use("bitrun/missing", "1") is None


def test_an_image_that_goes_before_it_can_be_kept_is_not_used(engine: Engine) -> None:
    install(engine, "1")

    def gone() -> None:
        del engine.faults["tag_image"]
        with ImageChange(engine) as other:
            other.remove(TAG)

    with ImageChange(engine) as change:
        engine.faults["tag_image"] = gone
        assert change.use(TAG, "1") is None
    assert sources(engine) == []


def test_a_container_delays_the_removal(engine: Engine) -> None:
    install(engine, "1")
    container = engine.create_container(TAG, ["true"], {})
    with ImageChange(engine) as change:
        change.remove(TAG)
    assert not change.complete
    assert not remove_unused(engine)
    assert names(engine) == ["build"]
    engine.remove_container(container)
    assert remove_unused(engine)
    assert sources(engine) == []


def test_an_image_with_a_name_of_the_operators_stays(engine: Engine) -> None:
    install(engine, "1")
    engine.tag_image(TAG, "mine:1")
    install(engine, "2")
    assert source_of(engine, "mine:1") == "1"


def test_nameless_images_of_others_stay(engine: Engine) -> None:
    """An image that an operator builds from ours inherits its label."""
    install(engine, "1")
    for _ in range(2):
        engine.build_image(BytesIO(pack_dockerfile(f"FROM {TAG}")), "mine:1", {}, lambda _: None)
    before = len(sources(engine))
    install(engine, "2", PARENT)
    assert remove_unused(engine)
    assert len(sources(engine)) == before + 1


def leave_unfinished(engine: Engine) -> None:
    """Leave what a killed change leaves: an image between two steps, and names of images in use."""
    install(engine, "1", PARENT)
    change = ImageChange(engine)
    assert change.use(PARENT, "1")
    with pytest.raises(BuildError):
        build(change, "2", f"FROM {PARENT}\nRUN false")


def test_a_failed_build_leaves_nothing(engine: Engine) -> None:
    install(engine, "1")
    for dockerfile in ("FROM nowhere", "FROM scratch\nRUN false"):
        with pytest.raises(BuildError), ImageChange(engine) as change:
            build(change, "2", dockerfile)
        assert source_of(engine, TAG) == "1"
        assert names(engine) == ["build", "unsealed"]
        assert sources(engine) == ["1"]


def test_a_build_in_progress_elsewhere_is_left_alone(engine: Engine) -> None:
    leave_unfinished(engine)
    before = sources(engine)
    assert len(before) == 2
    install(engine, "1")
    assert sources(engine) == ["1", *before]
    assert names(engine) == ["build", "build", "in-use", "latest", "unsealed"]


def test_an_image_between_two_steps_goes_once_its_change_is_over(engine: Engine) -> None:
    """As one that the engine has not removed with its child."""
    install(engine, "1", PARENT)
    with ImageChange(engine) as change:
        assert change.use(PARENT, "1")
        with pytest.raises(BuildError):
            build(change, "2", f"FROM {PARENT}\nRUN false")
        engine.faults["list_images"] = unavailable
    assert not change.complete
    del engine.faults["list_images"]
    assert len(sources(engine)) == 2
    assert remove_unused(engine)
    assert sources(engine) == ["1"]


def test_a_build_without_any_name_is_left_alone(engine: Engine) -> None:
    change = ImageChange(engine)
    with pytest.raises(BuildError):
        build(change, "2", "FROM scratch\nRUN false")
    assert remove_unused(engine)
    assert len(sources(engine)) == 1


def test_what_a_killed_change_has_left_goes_a_day_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_unfinished(engine)
    later = time.time() + 24 * 60 * 60 + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert remove_unused(engine)
    assert sources(engine) == ["1"]
    assert names(engine) == ["build", "latest"]


def test_an_engine_that_fails_at_the_end_fails_no_change(engine: Engine) -> None:
    engine.faults["list_images"] = unavailable
    with ImageChange(engine) as change:
        build(change)
    assert not change.complete
    with pytest.raises(BuildError), ImageChange(engine) as change:
        build(change, "2", "FROM nowhere")


def test_references_are_replaced_and_every_stage_is_labelled(engine: Engine) -> None:
    dockerfile = """\
ARG one
from --platform=linux/amd64 bitrun/base AS build
RUN select * \\
  FROM bitrun/base
FROM bitrun/base \\
  AS more
FROM other
COPY --from=bitrun/base /a /b
COPY --from=build /a /b
"""
    expected = """\
ARG one
from --platform=linux/amd64 in-use AS build
LABEL bitrun.source=unfinished
RUN select * \\
  FROM bitrun/base
FROM in-use \\
  AS more
LABEL bitrun.source=unfinished
FROM other
LABEL bitrun.source=unfinished
COPY --from=in-use /a /b
COPY --from=build /a /b
"""
    packed: list[str] = []

    def pack(text: str) -> bytes:
        packed.append(re.sub(r"unfinished-\S+", "unfinished", text))
        return pack_dockerfile("FROM scratch")

    with ImageChange(engine) as change:
        change.build(
            TAG,
            dockerfile,
            {SOURCE_LABEL: "1"},
            lambda _: None,
            pack=pack,
            origins={"bitrun/base": "in-use"},
        )
    assert packed == [expected]
