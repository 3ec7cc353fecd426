"""Judge0's numbers of languages, under which clients ask for them, and what serves each here."""

from collections.abc import Iterable
from dataclasses import dataclass

from bitrun.config.catalogue import Catalogue
from bitrun.execution.sources import program_name
from bitrun.packages.runtimes import Runtime, Runtimes

PLAIN_TEXT, EXECUTABLE, MULTI_FILE = 43, 44, 89


@dataclass(frozen=True, slots=True)
class Entry:
    """A language of Judge0: its number, title, tool and version, and the name of its file.

    `language` is that of the catalogue which serves it.
    """

    id: int
    title: str
    tool: str
    version: str
    language: str
    file: str

    def name(self, version: str) -> str:
        """Return its name with the version that is here, and Judge0's if that is another."""
        tool = f"{self.tool} " if self.tool else ""
        instead = "" if version == self.version else f" instead of {self.version}"
        return f"{self.title} ({tool}{version}{instead})"


_NAMED = (
    Entry(45, "Assembly", "NASM", "2.14.02", "nasm64", "main.asm"),
    Entry(46, "Bash", "", "5.0.0", "bash", "script.sh"),
    Entry(47, "Basic", "yabasic, not FBC,", "1.07.1", "basic", "main.bas"),
    Entry(48, "C", "GCC", "7.4.0", "c", "main.c"),
    Entry(49, "C", "GCC", "8.3.0", "c", "main.c"),
    Entry(50, "C", "GCC", "9.2.0", "c", "main.c"),
    Entry(51, "C#", "Mono", "6.6.0.161", "csharp", "Main.cs"),
    Entry(52, "C++", "GCC", "7.4.0", "c++", "main.cpp"),
    Entry(53, "C++", "GCC", "8.3.0", "c++", "main.cpp"),
    Entry(54, "C++", "GCC", "9.2.0", "c++", "main.cpp"),
    Entry(55, "Common Lisp", "SBCL", "2.0.0", "lisp", "script.lisp"),
    Entry(56, "D", "GDC, not DMD,", "2.089.1", "d", "main.d"),
    Entry(57, "Elixir", "", "1.9.4", "elixir", "script.exs"),
    Entry(58, "Erlang", "OTP", "22.2", "erlang", "main.erl"),
    Entry(59, "Fortran", "GFortran", "9.2.0", "fortran", "main.f90"),
    Entry(60, "Go", "", "1.13.5", "go", "main.go"),
    Entry(61, "Haskell", "GHC", "8.8.1", "haskell", "main.hs"),
    Entry(62, "Java", "OpenJDK", "13.0.1", "java", "Main.java"),
    Entry(63, "JavaScript", "Node.js", "12.14.0", "node-javascript", "script.js"),
    Entry(64, "Lua", "", "5.3.5", "lua", "script.lua"),
    Entry(65, "OCaml", "", "4.09.0", "ocaml", "main.ml"),
    Entry(66, "Octave", "", "5.1.0", "octave", "script.m"),
    Entry(67, "Pascal", "FPC", "3.0.4", "pascal", "main.pas"),
    Entry(68, "PHP", "", "7.4.1", "php", "script.php"),
    Entry(69, "Prolog", "GNU Prolog", "1.4.5", "gprolog", "main.pro"),
    Entry(70, "Python", "", "2.7.17", "python2", "script.py"),
    Entry(71, "Python", "", "3.8.1", "python", "script.py"),
    Entry(72, "Ruby", "", "2.7.0", "ruby", "script.rb"),
    Entry(73, "Rust", "", "1.40.0", "rust", "main.rs"),
    Entry(74, "TypeScript", "", "3.7.4", "tsc", "script.ts"),
    Entry(75, "C", "Clang", "7.0.1", "clang", "main.c"),
    Entry(76, "C++", "Clang", "7.0.1", "clang++", "main.cpp"),
    Entry(77, "COBOL", "GnuCOBOL", "2.2", "cobol", "main.cob"),
    Entry(78, "Kotlin", "", "1.3.70", "kotlin", "Main.kt"),
    Entry(79, "Objective-C", "GCC, not Clang,", "7.0.1", "objective-c", "main.m"),
    Entry(80, "R", "", "4.0.0", "rscript", "script.r"),
    Entry(81, "Scala", "", "2.13.2", "scala", "Main.scala"),
    Entry(82, "SQL", "SQLite", "3.27.2", "sqlite3", "script.sql"),
    Entry(83, "Swift", "", "5.2.3", "swift", "Main.swift"),
    Entry(85, "Perl", "", "5.28.1", "perl", "script.pl"),
    Entry(86, "Clojure", "", "1.10.1", "clojure", "main.clj"),
    Entry(88, "Groovy", "", "3.0.3", "groovy", "script.groovy"),
    # Those of Judge0's later versions.
    Entry(91, "Java", "JDK", "17.0.6", "java", "Main.java"),
    Entry(92, "Python", "", "3.11.2", "python", "script.py"),
    Entry(93, "JavaScript", "Node.js", "18.15.0", "node-javascript", "script.js"),
    Entry(94, "TypeScript", "", "5.0.3", "tsc", "script.ts"),
    Entry(95, "Go", "", "1.18.5", "go", "main.go"),
    Entry(97, "JavaScript", "Node.js", "20.17.0", "node-javascript", "script.js"),
    Entry(98, "PHP", "", "8.3.11", "php", "script.php"),
    Entry(99, "R", "", "4.4.1", "rscript", "script.r"),
    Entry(100, "Python", "", "3.12.5", "python", "script.py"),
    Entry(101, "TypeScript", "", "5.6.2", "tsc", "script.ts"),
    Entry(102, "JavaScript", "Node.js", "22.08.0", "node-javascript", "script.js"),
    Entry(103, "C", "GCC", "14.1.0", "c", "main.c"),
    Entry(104, "C", "Clang", "18.1.8", "clang", "main.c"),
    Entry(105, "C++", "GCC", "14.1.0", "c++", "main.cpp"),
    Entry(106, "Go", "", "1.22.0", "go", "main.go"),
    Entry(107, "Go", "", "1.23.5", "go", "main.go"),
    Entry(108, "Rust", "", "1.85.0", "rust", "main.rs"),
    Entry(109, "Python", "", "3.13.2", "python", "script.py"),
    Entry(110, "C", "Clang", "19.1.7", "clang", "main.c"),
    Entry(111, "Kotlin", "", "2.1.10", "kotlin", "Main.kt"),
)
_BY_ID = {entry.id: entry for entry in _NAMED}

# Without a version.
_SPECIAL = {
    PLAIN_TEXT: "Plain Text",
    EXECUTABLE: "Executable",
    MULTI_FILE: "Multi-file program",
}
# The languages of the catalogue that serve them, and the names of their files. A program of several
# files is served by what fits these.
_SERVED_BY = {PLAIN_TEXT: ("bash", "text.txt"), EXECUTABLE: ("file", "a.out")}


@dataclass(frozen=True, slots=True)
class Served:
    """A language as clients see it, and the runtime that serves it; None of a multi-file program.

    `id` is a number of Judge0's, or a name of the catalogue.
    """

    id: int | str
    name: str
    file: str
    runtime: Runtime | None

    @property
    def brief(self) -> dict[str, int | str]:
        return {"id": self.id, "name": self.name}

    @property
    def full(self) -> dict[str, int | str | bool | None]:
        language = None if self.runtime is None else self.runtime.language
        return {
            **self.brief,
            "is_archived": False,
            "source_file": self.file or None,
            "compile_cmd": None if language is None else language.compile,
            "run_cmd": None if language is None else language.run,
        }


class Languages:
    """The languages that are installed, by Judge0's numbers and by their own names."""

    def __init__(self, catalogue: Catalogue, runtimes: Runtimes) -> None:
        self._catalogue = catalogue
        self._runtimes = runtimes

    def all(self) -> list[Served]:
        """List those with a number, in its order."""
        found = (self.find(number) for number in sorted((*_BY_ID, *_SPECIAL)))
        return [served for served in found if served is not None]

    def find(self, language_id: int | str) -> Served | None:
        """Return a language by its number, or by a name of the catalogue, if it is installed."""
        if isinstance(language_id, str):
            runtime = self._runtimes.find(language_id)
            return None if runtime is None else _by_name(runtime)
        if language_id in _SPECIAL:
            return self._special(language_id)
        entry = _BY_ID.get(language_id)
        runtime = None if entry is None else self._nearest(entry)
        if entry is None or runtime is None:
            return None
        return Served(entry.id, entry.name(runtime.version), entry.file, runtime)

    def explain_missing(self, language_id: int | str) -> str:
        """Say why `find` has found none."""
        if isinstance(language_id, str):
            return self._runtimes.explain_missing(language_id)
        if language_id in _BY_ID:
            title, language = _BY_ID[language_id].title, _BY_ID[language_id].language
        elif language_id in _SERVED_BY:
            title, language = _SPECIAL[language_id], _SERVED_BY[language_id][0]
        else:
            return f"language with id {language_id} doesn't exist"
        missing = self._runtimes.explain_missing(language)
        return f"language with id {language_id} is {title}. {missing}"

    def for_files(self, names: Iterable[str]) -> Runtime | None:
        """Return the runtime whose image fits the files of a program: that of the most files."""
        found: dict[str, int] = {}
        for name in names:
            known = self._catalogue.by_extension(name.rpartition(".")[2]) if "." in name else None
            if known is not None:
                language = known[1].name
                found[language] = found.get(language, 0) + 1
        most_first = sorted(found, key=lambda each: -found[each])
        runtime = self._runtimes.find_first([*most_first, "bash"])
        return runtime or next(iter(self._runtimes.all()), None)

    def _special(self, number: int) -> Served | None:
        if number == MULTI_FILE:
            return Served(number, _SPECIAL[number], "", None)
        language, file = _SERVED_BY[number]
        runtime = self._runtimes.find(language)
        return None if runtime is None else Served(number, _SPECIAL[number], file, runtime)

    def _nearest(self, entry: Entry) -> Runtime | None:
        """Return the newest runtime with the major version of an entry, or else of any."""
        same = f"{entry.version.partition('.')[0]}.x"
        find = self._runtimes.find
        return find(entry.language, same) or find(entry.language)


def _by_name(runtime: Runtime) -> Served:
    language = runtime.language
    name = f"{language.name} ({runtime.version})"
    return Served(language.name, name, program_name(language), runtime)
