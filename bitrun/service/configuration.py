"""What a service is configured with: its settings, and what stands in the files that they name."""

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
    """All of it, read at one time and found to fit together."""

    settings: Settings
    tokens: Tokens
    exempt_clients: ExemptClients
    catalogue: Catalogue


def load() -> Configuration:
    """Read the environment and the files that it names.

    Raises:
        SettingsError, CatalogueError: something does not fit; the text says what to do.
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
    """Have this process, and those forked from it, take this for the current one."""
    global _kept  # noqa: PLW0603  what is inherited by fork is the process's
    _kept = sound


def current() -> Configuration:
    """Return what was kept; before that, load it and keep it.

    A worker that takes a dead one's place is to serve what the master has checked. If it read the
    files itself, one that is just being edited would end the service, and one that was exchanged
    would be served without ever having been checked against the addresses.

    Raises:
        SettingsError, CatalogueError: as for `load`.
    """
    if _kept is not None:
        return _kept
    loaded = load()
    keep(loaded)
    return loaded
