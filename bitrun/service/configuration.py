"""Configuration of a service: its settings, and the contents of the files that they name."""

from dataclasses import dataclass

from bitrun.access import tokens
from bitrun.access.identity import ExemptClients
from bitrun.access.tokens import Tokens
from bitrun.config import catalogue, settings
from bitrun.config.catalogue import Catalogue, CatalogueError
from bitrun.config.settings import Settings, SettingsError

UNSOUND = (SettingsError, CatalogueError)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All configuration, read at one time and checked as a whole."""

    settings: Settings
    tokens: Tokens
    exempt_clients: ExemptClients
    catalogue: Catalogue


def load() -> Configuration:
    """Read the environment and the files that it names.

    Raises:
        SettingsError, CatalogueError: something is invalid; the text says what to change.
    """
    return read(settings.load())


def read(known: Settings) -> Configuration:
    """Read the files that these settings name.

    Raises:
        SettingsError, CatalogueError: as for `load`.
    """
    accepted = tokens.load(known)
    exempt = ExemptClients(known, accepted)
    return Configuration(known, accepted, exempt, catalogue.load(known.languages))


_kept: Configuration | None = None


def keep(sound: Configuration) -> None:
    """Make this the current configuration of the process, and of those forked from it."""
    global _kept  # noqa: PLW0603  what is inherited by fork is the process's
    _kept = sound


def current() -> Configuration:
    """Return the configuration that was kept; load and keep it if there is none.

    A worker that replaces a dead one must serve what the master has checked. If it read the files
    itself, a file in the middle of an edit would end the service, and a new one would be served
    without the check against the listening addresses.

    Raises:
        SettingsError, CatalogueError: as for `load`.
    """
    if _kept is not None:
        return _kept
    loaded = load()
    keep(loaded)
    return loaded
