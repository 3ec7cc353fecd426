"""Installs, tries and measures languages: `python -m tools.conformance [NAME...]`."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from bitrun.cli.local_install import build_progress
from bitrun.config.catalogue import Catalogue, Package
from bitrun.config.settings import ROOT
from bitrun.engine.engine import Engine
from bitrun.images.unsealed import UnsealedImages
from bitrun.model.errors import ServiceError
from bitrun.service import configuration
from bitrun.service.service import Service
from tools.conformance import page, records
from tools.conformance.records import Record, Records
from tools.conformance.trial import try_package

_PAGE = ROOT / "docs" / "languages.md"
_RECORDS = ROOT / "build" / "languages"


class UnknownLanguage(Exception):
    """The catalogue has nothing of this name."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.conformance", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="package or language")
    parser.add_argument("--again", action="store_true", help="also what has not changed")
    parser.add_argument("--remove", action="store_true", help="each image once it is tried")
    arguments = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        service = Service(configuration.load())
        chosen = select(service.catalogue, arguments.names)
        bad = Trials(service, console, again=arguments.again, remove=arguments.remove).run(chosen)
    except (*configuration.UNSOUND, UnknownLanguage, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    console.print(f"{len(chosen)} packages, {len(bad)} with faults: {' '.join(bad)}".rstrip(": "))
    return 1 if bad else 0


def select(catalogue: Catalogue, names: Sequence[str]) -> list[Package]:
    """Find the packages that these names mean, whether of a package, a language or an alias.

    Raises:
        UnknownLanguage: nothing is called so.
    """
    known = {package.id: _names(package) for package in catalogue.packages}
    for name in names:
        if not any(name in called for called in known.values()):
            raise UnknownLanguage(f"There is no package and no language {name}")
    return [it for it in catalogue.packages if not names or not known[it.id].isdisjoint(names)]


def _names(package: Package) -> set[str]:
    languages = package.languages
    return {package.id, package.name, *(it.name for it in languages)}.union(
        *(it.aliases for it in languages)
    )


class Trials:
    def __init__(self, service: Service, console: Console, *, again: bool, remove: bool) -> None:
        self._service = service
        self._console = console
        self._again = again
        self._remove = remove
        self._images = service.settings.images
        self._records = Records(_RECORDS)
        self._parts = UnsealedImages(Engine(), self._images)

    def run(self, packages: Sequence[Package]) -> list[str]:
        """Try packages one after the other, for two at once would spoil each other's times.

        Returns:
            The ids of those that have faults.
        """
        bad = []
        for number, package in enumerate(packages, start=1):
            subject = f"[{number}/{len(packages)}] {package.id}"
            if not self._try(package, subject):
                bad.append(package.id)
            page.write(_PAGE, self._service.catalogue, self._records, self._images)
        return bad

    def _try(self, package: Package, subject: str) -> bool:
        key = records.key(package, self._parts, self._images)
        record = self._records.read(package)
        if not self._again and record and record.key == key and record.good:
            self._console.print(f"{subject}: unchanged", markup=False)
            return True
        try:
            with build_progress(self._console, subject) as report:
                self._service.images.install(package, report)
            record = try_package(self._service, package, key)
        except ServiceError as fault:
            self._console.print(f"{subject}: {fault}", markup=False)
            self._records.write(package, Record(key=key, version=package.version))
            return False
        self._records.write(package, record)
        self._tell(subject, record)
        if self._remove:
            self._service.images.remove(package)
        return record.good

    def _tell(self, subject: str, record: Record) -> None:
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
