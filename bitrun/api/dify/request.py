"""Body of a Dify `run` to a job."""

from collections.abc import Mapping
from typing import Any

from bitrun.api.dify.errors import Refused
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target, build_job
from bitrun.model.job import File, Job
from bitrun.packages.runtimes import Runtime, Runtimes

# What Dify sends; a program has the network that the catalogue gives its language, whatever is
# asked for, and the libraries of its package.
FIELDS = ("language", "code", "preload", "enable_network", "dependencies")

# The languages that serve a name, of which the first that is installed does. Templates are Python
# programs that import Jinja.
_LANGUAGES = {"python3": ("python-science", "python"), "nodejs": ("javascript",)}

# Both in one namespace, each with its own lines in a traceback.
_PRELOADER = """\
for name in ("preload.py", "code.py"):
    with open(name, "rb") as file:
        exec(compile(file.read(), name, "exec"))
"""


def find_runtime(name: Any, runtimes: Runtimes) -> Runtime:
    """Find what serves `python3` or `nodejs`.

    Raises:
        Refused: the name is another one, or nothing that is installed serves it.
    """
    if not isinstance(name, str) or name not in _LANGUAGES:
        raise Refused(f"language must be one of {', '.join(_LANGUAGES)}")
    languages = _LANGUAGES[name]
    runtime = runtimes.find_first(languages)
    if runtime is None:
        raise Refused(runtimes.explain_missing(languages[0]))
    return runtime


def read_request(body: Mapping[str, Any], runtimes: Runtimes, settings: Settings) -> Job:
    """Check a request and make its job.

    Raises:
        Refused: a field can't be used.
    """
    runtime = find_runtime(body.get("language"), runtimes)
    code, preload = _text(body, "code"), _text(body, "preload")
    return build_job(Target.of(runtime), settings, _files(runtime, code, preload))


def _files(runtime: Runtime, code: bytes, preload: bytes) -> list[File]:
    """Return the files, the main one first."""
    if runtime.language.suffix == "js":
        return [File("main.js", preload + b"\n" + code if preload else code)]
    if not preload:
        return [File("main.py", code)]
    return [
        File("main.py", _PRELOADER.encode()),
        File("preload.py", preload),
        File("code.py", code),
    ]


def _text(body: Mapping[str, Any], name: str) -> bytes:
    value = body.get(name)
    if value is None and name != "code":
        return b""
    if not isinstance(value, str):
        raise Refused(f"{name} must be a string")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{name} is no valid Unicode") from error
