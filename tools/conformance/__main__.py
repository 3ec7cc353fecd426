"""Installs, tests and measures languages: `python -m tools.conformance [NAME...]`."""

import argparse
import atexit
import sys
from collections.abc import Sequence

from rich.console import Console

from bitrun.cli.local_install import build_progress
from bitrun.config import settings
from bitrun.config.catalogue import Catalogue, Package
from bitrun.config.settings import ROOT
from bitrun.engine.engine import Engine
from bitrun.images.unsealed import UnsealedImages
from bitrun.model.errors import ServiceError
from bitrun.service import configuration
from bitrun.service.configuration import Configuration
from bitrun.service.service import Service
from tools.conformance import page, records
from tools.conformance.package_run import run_package
from tools.conformance.records import Record, Records

_PAGE = ROOT / "docs" / "languages.md"
_RECORDS = ROOT / "build" / "languages"


class UnknownLanguage(Exception):
    """The catalogue has nothing of this name."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="package or language")
    parser.add_argument("--again", action="store_true", help="also unchanged packages that passed")
    parser.add_argument("--remove", action="store_true", help="remove each image after its test")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        service = Service(load_configuration())
        if service.settings.runs_per_box > 1:
            service.start()  # its pool keeps the used boxes
            atexit.register(service.close)
        chosen = select(service.catalogue, arguments.names)
        test = ConformanceTest(service, console, again=arguments.again, remove=arguments.remove)
        failed = test.run(chosen)
    except (*configuration.UNSOUND, UnknownLanguage, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    console.print(f"{len(chosen)} packages, {len(failed)} failed: {' '.join(failed)}".rstrip(": "))
    return 1 if failed else 0


def load_configuration() -> Configuration:
    """Load the service's configuration, without the compile cache: each measured run compiles.

    Raises:
        configuration.UNSOUND: as `configuration.load`.
    """
    return configuration.read(settings.load().model_copy(update={"compile_cache": 0}))


def select(catalogue: Catalogue, names: Sequence[str]) -> list[Package]:
    """Find packages by the names of packages, languages or aliases; all, without names.

    Raises:
        UnknownLanguage: no package has one of the names.
    """
    known = {package.id: _names(package) for package in catalogue.packages}
    for name in names:
        if not any(name in package_names for package_names in known.values()):
            raise UnknownLanguage(f"There is no package and no language {name}")
    return [it for it in catalogue.packages if not names or not known[it.id].isdisjoint(names)]


def _names(package: Package) -> set[str]:
    languages = package.languages
    return {package.id, package.name, *(it.name for it in languages)}.union(
        *(it.aliases for it in languages)
    )


class ConformanceTest:
    def __init__(self, service: Service, console: Console, *, again: bool, remove: bool) -> None:
        self._service = service
        self._console = console
        self._again = again
        self._remove = remove
        self._images = service.settings.images
        self._records = Records(_RECORDS)
        self._unsealed = UnsealedImages(Engine(), self._images)

    def run(self, packages: Sequence[Package]) -> list[str]:
        """Test packages one after the other: two at once would distort each other's times.

        Returns:
            The ids of those that failed.
        """
        failed = []
        for number, package in enumerate(packages, start=1):
            subject = f"[{number}/{len(packages)}] {package.id}"
            if not self._test(package, subject):
                failed.append(package.id)
            page.write(_PAGE, self._service.catalogue, self._records, self._images)
        return failed

    def _test(self, package: Package, subject: str) -> bool:
        key = records.key(package, self._unsealed, self._images)
        record = self._records.read(package)
        if not self._again and record and record.key == key and record.good:
            self._console.print(f"{subject}: unchanged", markup=False)
            return True
        try:
            with build_progress(self._console, subject) as report:
                self._service.images.install(package, report)
            record = run_package(self._service, package, key)
        except ServiceError as fault:
            self._console.print(f"{subject}: {fault}", markup=False)
            self._records.write(package, Record(key=key, version=package.version))
            return False
        self._records.write(package, record)
        self._print(subject, record)
        if self._remove:
            self._service.images.remove(package)
        return record.good

    def _print(self, subject: str, record: Record) -> None:
        if not record.versioned:
            self._console.print(f"{subject}: {record.version} is no SemVer version", markup=False)
        for name, language in record.languages.items():
            self._console.print(
                f"{subject}: {name} {record.version}: "
                f"{len(language.passed)} of {len(language.complaints)} programs pass, "
                f"hello {language.cold_ms} ms cold, {language.warm_ms} ms warm",
                markup=False,
            )
            for task, complaint in language.failed.items():
                self._console.print(f"  {task} {complaint}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
