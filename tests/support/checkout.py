"""A copy of this checkout, to build the service's image from."""

import os
import shutil
from pathlib import Path

from bitrun.config.settings import Settings
from tests.support.paths import ROOT


def copy_of_checkout(folder: Path) -> Path:
    """Copy what belongs to the project, and the certificate authority that its build needs."""
    copy = folder / "checkout"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "node_modules", "build")
    )
    certificates = Settings().build_ca_bundle or os.environ.get("PIP_CERT")
    if certificates:
        shutil.copy(certificates, copy / "ca-bundle.pem")
    return copy
