"""What is installed for the languages of LibreChat's tool."""

from collections.abc import Collection

import pytest

from bitrun.api.librechat.errors import LanguageUnavailable
from bitrun.api.librechat.languages import LANGUAGES, find_environment, served
from bitrun.api.librechat.request import make_job, read_request
from bitrun.config import catalogue
from bitrun.config.settings import Settings
from bitrun.images.sealed import InstalledPackage
from bitrun.packages.runtimes import Runtimes

SETTINGS = Settings()
CATALOGUE = catalogue.load(SETTINGS.languages)


def runtimes(packages: Collection[str]) -> Runtimes:
    installed = {
        package.id: InstalledPackage(f"image of {package.id}", package.version)
        for package in CATALOGUE.packages
        if package.id in packages
    }
    return Runtimes(CATALOGUE, lambda: installed)


EVERYTHING = runtimes([package.id for package in CATALOGUE.packages])


def test_the_catalogue_has_all() -> None:
    assert served() <= {language.name for _, language in CATALOGUE.languages()}


@pytest.mark.parametrize("name", [*LANGUAGES, "python", "node", "nodejs", "sh", "PY", "ruby"])
def test_each_is_served(name: str) -> None:
    found = find_environment(name, EVERYTHING, SETTINGS)
    assert found.target.image.startswith("image of ")


def test_the_first_that_is_installed() -> None:
    for packages, expected in ((["python"], "python"), (["python", "python-science"],) * 2):
        name = find_environment("py", runtimes(packages), SETTINGS).target.language.name
        assert name == (expected if isinstance(expected, str) else expected[-1])


@pytest.mark.parametrize(
    ("lang", "name"),
    [("py", "main.py"), ("Python", "main.py"), ("node", "main.js"), ("bash", "main.sh"),
     ("ruby", "main.rb"), ("clisp", "main.code")],
)  # fmt: skip
def test_the_name_of_the_program(lang: str, name: str) -> None:
    """Tracebacks have it."""
    job = make_job(read_request({"lang": lang, "code": ""}), [], EVERYTHING, SETTINGS)
    assert [file.name for file in job.files] == [name]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(LanguageUnavailable, match="make install PACKAGES=python-science"):
        find_environment("py", runtimes(["bash"]), SETTINGS)
    with pytest.raises(LanguageUnavailable, match="No language is called klingon"):
        find_environment("klingon", runtimes(["bash"]), SETTINGS)


def test_bash_has_python_beside_it() -> None:
    alone = find_environment("bash", runtimes(["bash", "python"]), SETTINGS)
    assert alone.target.image == "image of bash"
    both = find_environment("bash", runtimes(["bash", "python-science"]), SETTINGS)
    python = find_environment("py", runtimes(["bash", "python-science"]), SETTINGS)
    assert (both.target.image, both.target.package) == ("image of python-science", "python-science")
    assert both.target.language.run == "bash %s"
    # So that both share boxes.
    assert both.limits == python.limits
    assert both.variables == python.target.language.env != {}
