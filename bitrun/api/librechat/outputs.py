"""Files that a program leaves: which are kept, and how they come back with the next one."""

import logging
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bitrun.api.librechat.inputs import Input
from bitrun.execution.uploads import ClientUploads
from bitrun.model.errors import RequestError, StorageError
from bitrun.model.job import Job, equal
from bitrun.model.output_files import OutputFile
from bitrun.model.result import Result

_log = logging.getLogger(__name__)

# Endings of names, as patterns: documents, pictures, sound, data, archives, sources. What compilers
# leave has none of them.
_ENDINGS = (
    "txt", "md", "tex", "log", "csv", "ts*", "js*", "xml", "y*ml", "toml", "ini",
    "conf", "htm*", "css", "sql",
    "pdf", "doc", "docx", "rtf", "xls*", "ppt*", "od?", "epub",
    "png", "jp*g", "gif", "bmp", "tif*", "ico", "svg", "avif", "heic",
    "mp?", "wav", "ogg", "flac", "web?", "mov", "avi",
    "parquet", "np?", "pkl", "h5", "db", "sqlite*",
    "zip", "tar", "*gz", "bz2", "xz", "7z",
    "ipynb", "py", "c", "cpp", "h", "java", "rs", "go", "php", "r", "sh",
)  # fmt: skip


def _of_any_case(ending: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in ending)


PATTERNS = tuple(f"**/*.{_of_any_case(ending)}" for ending in _ENDINGS)


@dataclass(slots=True)
class Outputs:
    """Files of a reply, and a sentence for each that is missing."""

    files: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def store_outputs(
    result: Result,
    job: Job,
    inputs: Sequence[Input],
    uploads: Callable[[], ClientUploads],
    group: str,
) -> Outputs:
    """Store the files of a run as a group of this id; inputs that it has not changed follow.

    What can't be stored costs the file, and not the result. `uploads` may raise RequestError: a
    client that can't be identified has none.
    """
    outputs = Outputs()
    by_name = {each.file.name: each for each in inputs}
    changed = set()
    for file in result.files:
        original = by_name.get(file.name)
        if original is not None and original.upload.read_only:
            continue
        if original is None and _is_compiled(file, job):
            continue
        try:
            outputs.files.append(_store(file, original, uploads(), group))
            changed.add(file.name)
        except RequestError as error:
            outputs.missing.append(f"{file.name} is not kept: {error}")
        except StorageError as error:
            _log.error("%s", error)
            outputs.missing.append(f"{file.name} is not kept: the service can't store files now")
    outputs.files += [_reference(each) for each in inputs if each.file.name not in changed]
    outputs.missing += _dropped(result)
    return outputs


def _is_compiled(file: OutputFile, job: Job) -> bool:
    """Whether a file is what compilers leave: JavaScript of TypeScript, a copy of a Java source."""
    if job.stages[0].name != "compile":
        return False
    stem, ending = posixpath.splitext(file.name)
    is_javascript = ending == ".js" and f"{stem}.ts" in job.contents
    return is_javascript or any(equal(source.content, file.content) for source in job.files[:1])


def _store(
    file: OutputFile, original: Input | None, uploads: ClientUploads, group: str
) -> dict[str, Any]:
    stored = uploads.receive(file.name, [file.content], len(file.content), group=group)
    reply: dict[str, Any] = {"id": stored.id, "name": stored.name, "storage_session_id": group}
    if original is not None:
        upload = original.upload
        reply["modified_from"] = {"id": upload.id, "storage_session_id": upload.group}
    return reply


def _reference(unchanged: Input) -> dict[str, Any]:
    upload = unchanged.upload
    return {
        "id": upload.id,
        "name": unchanged.file.name,
        "storage_session_id": upload.group,
        "inherited": True,
    }


def _dropped(result: Result) -> Iterator[str]:
    for file in result.files_dropped:
        subject = f"{file.name} is not kept" if file.name else "Some files are not kept"
        yield f"{subject}: {file.message}"
