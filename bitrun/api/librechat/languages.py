"""The languages of LibreChat's tool, and what is installed for them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bitrun.api.librechat.errors import LanguageUnavailable
from bitrun.config.catalogue import Language
from bitrun.config.settings import Settings
from bitrun.execution.job_builder import Target
from bitrun.execution.limits import LanguageLimits, language_limits
from bitrun.execution.sources import NAMELESS, program_name
from bitrun.packages.runtimes import Runtime, Runtimes

# The languages of the catalogue that serve a name, of which the first that is installed does. Any
# other name is that of an installed language.
LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "py": ("python-science", "python"),
    "js": ("javascript",),
    "ts": ("typescript",),
    "c": ("c",),
    "cpp": ("c++",),
    "java": ("java",),
    "php": ("php",),
    "rs": ("rust",),
    "go": ("go",),
    "d": ("d",),
    "f90": ("fortran",),
    "r": ("rscript",),
    "bash": ("bash",),
}
_OTHER_NAMES = {"python": "py", "node": "js", "nodejs": "js", "sh": "bash"}

# The tool tells models to call Python from bash, so its image serves for both.
_SHELL, _SHELL_IMAGE = "bash", "python-science"


@dataclass(frozen=True, slots=True)
class Environment:
    """What a program runs in: target and limits for its job, and more variables."""

    target: Target
    limits: LanguageLimits
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, runtime: Runtime, settings: Settings) -> Self:
        return cls(Target.of(runtime), language_limits(runtime.language, settings))

    def running(self, language: Language) -> Self:
        """Return the same for another language, whose tools the image has, too."""
        return dataclasses.replace(
            self,
            target=dataclasses.replace(self.target, language=language),
            variables=self.target.language.env,
        )


def served() -> frozenset[str]:
    """Return the names of the catalogue's languages that the tool knows."""
    return frozenset(name for names in LANGUAGES.values() for name in names)


def find_environment(name: str, runtimes: Runtimes, settings: Settings) -> Environment:
    """Find what serves a language by LibreChat's name for it.

    Raises:
        LanguageUnavailable: nothing that is installed does; the text says what can be installed.
    """
    name = _own_name(name)
    names = LANGUAGES.get(name, (name,))
    runtime = runtimes.find_first(names)
    if runtime is None:
        raise LanguageUnavailable(runtimes.explain_missing(names[0]))
    found = Environment.of(runtime, settings)
    if runtime.language.name == _SHELL:
        image = runtimes.find(_SHELL_IMAGE)
        if image is not None:
            return Environment.of(image, settings).running(runtime.language)
    return found


def file_name(name: str, language: Language) -> str:
    """Return the name of a program's file: LibreChat's names of languages are endings, too."""
    own = _own_name(name)
    return program_name(language, own if own in LANGUAGES else NAMELESS)


def _own_name(name: str) -> str:
    name = name.lower()
    return _OTHER_NAMES.get(name, name)
