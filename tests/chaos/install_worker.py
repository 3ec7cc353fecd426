"""Installs and uninstalls packages again and again, as one of several services on an engine.

`python -m tests.chaos.install_worker MODE SECONDS PACKAGE...` in a copy of the checkout. With the
mode `unlocked` it behaves like a service on another machine, which has another lock. It prints how
many installs have succeeded.
"""

import random
import sys
import time
from contextlib import AbstractContextManager, nullcontext

from bitrun.config.catalogue import Language, Package
from bitrun.config.settings import ROOT
from bitrun.engine.engine import Engine
from bitrun.images import sealed
from bitrun.images.sealed import SealedImages


def package(name: str) -> Package:
    languages = (Language(name=name, run="cat %s"),)
    return Package(
        name=name, version="1", version_command="cat /version", build=name, languages=languages
    )


def no_lock(*_: object, **__: object) -> AbstractContextManager[None]:
    return nullcontext()


def main(mode: str, seconds: str, *names: str) -> None:
    if mode == "unlocked":
        vars(sealed)["images_lock"] = no_lock
    images = SealedImages(Engine(), ROOT / "images")
    deadline = time.monotonic() + float(seconds)
    installs = 0
    while time.monotonic() < deadline:
        for name in random.sample(names, len(names)):
            images.install(package(name), lambda _: None)
            installs += 1
            if installs % 2:
                images.remove(package(name))
            if time.monotonic() >= deadline:
                break
    sys.stdout.write(f"{installs}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
