"""The timed programs, and the commands that run each as bare processes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Program:
    """A program that prints `hi`: as a request, as commands, as a shell line for `docker run`."""

    name: str
    language: str
    image: str
    file: str
    source: str
    commands: tuple[tuple[str, ...], ...]

    @property
    def request(self) -> dict[str, Any]:
        files = [{"name": self.file, "content": self.source}]
        return {"language": self.language, "version": "*", "files": files}

    @property
    def shell(self) -> str:
        return " && ".join(" ".join(command) for command in self.commands)


PYTHON = Program(
    "python",
    "python",
    "bitrun/python",
    "hello.py",
    'print("hi")\n',
    (("python3", "-B", "hello.py"),),
)
NODE = Program(
    "node", "javascript", "bitrun/node", "hello.js", 'console.log("hi")\n', (("node", "hello.js"),)
)
C = Program(
    "C (compile + run)",
    "c",
    "bitrun/gcc",
    "hello.c",
    '#include <stdio.h>\nint main(void) { puts("hi"); }\n',
    (("gcc", "-std=gnu17", "-O2", "-o", "main", "hello.c", "-lm"), ("./main",)),
)
# Its compilation takes a second or more.
SLOW_CPP = Program(
    "C++",
    "c++",
    "bitrun/gcc",
    "hello.cpp",
    '#include <bits/stdc++.h>\nint main() { std::cout << "hi\\n"; }\n',
    (("g++", "-std=gnu++20", "-O2", "-o", "main", "hello.cpp"), ("./main",)),
)
PROGRAMS = (PYTHON, NODE, C)
