"""LOLCODE 1.2: `python3 /opt/lolcode FILE`."""

import sys
from pathlib import Path

from machine import Fault, Machine
from statements import Parser
from words import read

if len(sys.argv) < 2:  # noqa: PLR2004
    sys.exit("usage: lolcode FILE")
sys.setrecursionlimit(10_000)
try:
    Machine().run(Parser(read(Path(sys.argv[1]).read_text(encoding="utf-8"))).program())
except Fault as fault:
    sys.stdout.flush()
    sys.exit(f"{sys.argv[1]}: {fault}")
