"""`python -m tools.fuzz`: fuzzes for a while; crashes are saved in `tools/fuzz/crashes`."""

import argparse
import sys

from bitrun.config import settings
from bitrun.engine.engine import Engine
from bitrun.images.unsealed import UnsealedImages
from tools.fuzz.fuzzer import CRASHES, fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="replace the corpus by the smallest with all coverage found",
    )
    arguments = parser.parse_args()
    options = settings.load()
    images = UnsealedImages(Engine(options.engine_timeout), options.images, options.build_ca_bundle)
    outcome = fuzz(
        images, arguments.seconds, lambda line: print(line, flush=True), keep=arguments.keep
    )
    print(f"{outcome.executions} cases, {outcome.edges} edges, {len(outcome.crashes)} crashes")
    for crash in outcome.crashes:
        print(f"Crashed by {CRASHES / crash}")
    return 1 if outcome.crashes or outcome.status else 0


if __name__ == "__main__":
    sys.exit(main())
