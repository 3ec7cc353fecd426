"""Fields of a v1 request to a job, with v1's refusals in their order."""

import dataclasses
import re
from collections.abc import Callable, Mapping

from bitrun.api.v1.fields import Fields
from bitrun.config.catalogue import Catalogue, Language, Package
from bitrun.config.settings import MIN_MEMORY, MIN_STACK, Settings
from bitrun.execution.job_builder import Target, build_job, is_variable_name
from bitrun.execution.limits import RequestedLimits, StageLimits, language_limits
from bitrun.images.sealed import InstalledPackage
from bitrun.model.errors import PackageNotInstalled, RequestError
from bitrun.model.job import STAGES, File, Job

_FILENAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.([A-Za-z0-9+]{1,12})")
_MAX_FILENAME = 255  # Linux's NAME_MAX
_NUMBER = re.compile(r"[0-9]{1,19}")


def find_language(fields: Fields, catalogue: Catalogue) -> tuple[Package, Language]:
    """Find the language of the file name's extension, and the package that it is in.

    Raises:
        RequestError: the name or the content is missing, or no language has the extension.
    """
    extension = read_extension(fields.filename)
    if not fields.content:
        raise RequestError("Content is required")
    found = catalogue.by_extension(extension)
    if found is None:
        raise RequestError(f"Extension is not supported: .{extension}")
    return found


def find_target(
    image: str,
    package: Package,
    language: Language,
    *,
    catalogue: Catalogue,
    installed: Mapping[str, InstalledPackage],
    allowed_images: tuple[str, ...],
    sealed: Callable[[], Mapping[str, str]],
) -> Target:
    """Find the image to run in: the requested one, or that of the language's package.

    `installed` has the installed packages by id. `sealed` is called only for an image that is in
    `allowed_images`; it maps those to their names on the engine.

    Raises:
        RequestError: the image is not allowed, or not installed.
    """
    wanted = image or package.image
    for known in catalogue.packages:
        if known.image == wanted:
            found = installed.get(known.id)
            if found is None:
                raise PackageNotInstalled(known.id)
            if known is not package:
                language = _with_stack_of(language, known)
            return Target(language, known.id, found.image, found.version)
    if wanted in allowed_images:
        name = sealed().get(wanted)
        if name is None:
            raise RequestError(f"Image is not installed: {wanted}. The operator runs: make install")
        return Target(language, wanted, name, version="")  # nothing has asked its tools
    raise RequestError(f"Image is not allowed: {wanted}")


def _with_stack_of(language: Language, package: Package) -> Language:
    """Return the language with the stack of the programs of another image, if it is smaller."""
    stacks = [
        each.limits.stack_limit
        for each in (language, *package.languages)
        if each.limits.stack_limit is not None
    ]
    if not stacks:
        return language
    limits = language.limits.model_copy(update={"stack_limit": min(stacks)})
    return language.model_copy(update={"limits": limits})


def read_job(fields: Fields, target: Target, settings: Settings) -> Job:
    """Make the job.

    Raises:
        RequestError: a field can't be used.
    """
    effective = language_limits(target.language, settings)
    limits = {
        stage: dataclasses.replace(
            read_limits(fields, effective.maxima[stage]),
            wall_ms=settings.v1_timeout_ms,
            has_cpu_limit=False,
        )
        for stage in STAGES
    }
    stdin = read_bytes(fields.input, "input")
    environment = read_environment(fields.env)
    content = read_bytes(fields.content, "content")
    return build_job(
        target,
        settings,
        [File(fields.filename, content)],
        command=fields.command or None,
        stdin=stdin,
        merge=True,
        environment=environment,
        limits=limits,
        effective=effective,
        wall_ms=settings.v1_timeout_ms,
        fresh=read_flag(fields.clean),
        unbuffered=read_flag(fields.unbuffered),
    )


def read_extension(filename: str) -> str:
    """Return the extension of a file name, without its dot.

    Raises:
        RequestError: the name is empty, or no plain file name with an extension.
    """
    if not filename:
        raise RequestError("Filename is required")
    match = _FILENAME.fullmatch(filename)
    if match is None or len(filename) > _MAX_FILENAME:
        raise RequestError("Invalid filename")
    return match[1]


def read_environment(text: str) -> dict[str, str]:
    """Read `NAME=value` lines.

    Raises:
        RequestError: a line is neither that nor empty.
    """
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        name, equals, value = line.removesuffix("\r").partition("=")
        if not name and not equals:
            continue
        if not equals or not is_variable_name(name):
            raise RequestError(f"Invalid env: line {number} is not NAME=value")
        found[name] = value
    return found


def read_limits(fields: Fields, maxima: StageLimits) -> RequestedLimits:
    """Read the limits that the fields set, each up to its maximum.

    Raises:
        RequestError: one is no number, too small to work or above its maximum.
    """
    return RequestedLimits(
        memory=_read_limit("memory_limit", fields.memory_limit, MIN_MEMORY, maxima.memory),
        output=_read_limit("output_limit", fields.output_limit, 1, maxima.output),
        stack=_read_limit("stack_limit", fields.stack_limit, MIN_STACK, maxima.stack),
        processes=_read_limit(
            "process_limit", fields.process_limit, 1, maxima.processes, "processes"
        ),
    )


def _read_limit(
    name: str, text: str, minimum: int, maximum: int, unit: str = "bytes"
) -> int | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise RequestError(f"Invalid {name}: a number of {unit} is expected")
    if not minimum <= int(text) <= maximum:
        raise RequestError(
            f"Invalid {name}: {minimum} to {maximum} {unit} are possible, not {text}"
        )
    return int(text)


def read_flag(text: str) -> bool:
    return text not in ("", "0", "false")


def read_bytes(text: str, field: str) -> bytes:
    """Return the bytes that were sent as a field's text.

    Raises:
        RequestError: the text holds half of a surrogate pair.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RequestError(f"Invalid {field}: it holds half of a surrogate pair") from error
