"""Calls for images."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
from docker import errors

from bitrun.engine.build_output import Report, report_lines
from bitrun.engine.calls import EngineCalls
from bitrun.engine.errors import NotOnEngine, translated_errors
from bitrun.model.errors import EngineError, EngineUnavailable


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the engine, with all its names."""

    id: str
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    volumes: tuple[str, ...] = ()  # set by `find_image` only: a list does not contain them


class ImageCalls(EngineCalls):
    """The part of `Engine` for images."""

    def find_image(self, reference: str) -> Image | None:
        """Find an image by name or id; None if the engine has no such image."""
        try:
            with self._call("find_image"):
                found = self._client().inspect_image(reference)
        except NotOnEngine:
            return None
        return _image(found, found["Config"])

    def list_images(self, label: str) -> list[Image]:
        """List the images that have a label, with any value."""
        with self._call("list_images"):
            found = self._client().images(filters={"label": label})
            return [_image(image, image) for image in found]

    def build_image(
        self, context: IO[bytes], tag: str, labels: dict[str, str], report: Report
    ) -> None:
        """Build the Dockerfile of a tar archive.

        The tag moves only after all steps have succeeded.

        Raises:
            BuildError: a step failed. Its text ends with the last lines of output.
        """
        with self._call("build_image"):
            messages = self._client().build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                labels=labels,
                buildargs=_proxies(),
                network_mode="host",
                # Its search fails if another client removes an image that it compares with.
                nocache=True,
                rm=True,
                forcerm=True,
                decode=True,
            )
            report_lines(messages, report)

    def registry_digest(self, reference: str) -> str | None:
        """Return the digest under which a registry has an image now; None if it has none."""
        try:
            with self._call("registry_digest"):
                found = self._client().inspect_distribution(reference)
        except NotOnEngine:
            return None
        return str(found["Descriptor"]["digest"])

    def push_image(self, reference: str, report: Report) -> None:
        """Send an image to the registry that its name begins with.

        The engine's client finds the registry's credentials in Docker's configuration file.

        Raises:
            BuildError: the registry does not take it.
        """
        with self._call("push_image"):
            report_lines(self._client().push(reference, stream=True, decode=True), report)

    def is_in_registry(self, reference: str) -> bool:
        """Whether a registry confirms, within this engine's timeout, that it has the image."""
        try:
            with translated_errors():
                self._client().inspect_distribution(reference)
        except (EngineError, EngineUnavailable):
            return False
        return True

    def pull_image(self, reference: str, report: Report) -> None:
        with self._call("pull_image"):
            report_lines(self._client().pull(reference, stream=True, decode=True), report)

    def import_image(self, path: Path, tag: str, labels: dict[str, str]) -> None:
        """Create an image of one layer from the tar archive of a root file system."""
        changes = [f"LABEL {key}={value}" for key, value in labels.items()]
        with self._call("import_image"):
            answer = self._client().import_image_from_file(str(path), tag, changes=changes)
            report_lines(map(json.loads, answer.splitlines()), lambda _: None)

    def tag_image(self, reference: str, name: str) -> None:
        """Give an image one more name, which another image may lose by it.

        Raises:
            NotOnEngine: the image is not there.
        """
        with self._call("tag_image"):
            folder, slash, last = name.rpartition("/")  # a registry may have a port
            repository, _, tag = last.partition(":")
            self._client().tag(reference, f"{folder}{slash}{repository}", tag or "latest")

    def remove_image(self, reference: str, *, force: bool = False) -> bool:
        """Remove a name from an image, and the image with its last name.

        By its id, an image is removed if it has no name.

        Returns:
            False if it stays with its last name, because a container uses it. With `force` it
            loses the name, and stays without one if the container runs.
        """
        with self._call("remove_image"):
            try:
                self._client().remove_image(reference, force=force)
            except errors.NotFound:
                pass
            except errors.APIError as error:
                # 500 instead of 404: another removal has won since the engine found it.
                if "unrecognized image ID" in str(error.explanation):
                    return True
                # 409: a container or another image needs it, or its removal is in progress.
                if error.status_code != requests.codes.conflict:
                    raise
                return False
        return True


def _image(found: dict[str, Any], labelled: dict[str, Any]) -> Image:
    return Image(
        id=found["Id"],
        # Older engines list an image without a name as this.
        tags=tuple(tag for tag in found["RepoTags"] or () if tag != "<none>:<none>"),
        labels=labelled["Labels"] or {},
        volumes=tuple(labelled.get("Volumes") or ()),
    )


def _proxies() -> dict[str, str]:
    """Return this process's proxies in both spellings: apt reads one, other programs the other."""
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
