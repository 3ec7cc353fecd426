"""The root image: Debian from a registry, or bootstrapped from Debian's mirror."""

import shutil
import subprocess
import tempfile
from collections import deque
from io import BytesIO
from pathlib import Path

from bitrun.config.settings import ROOT
from bitrun.engine.build_output import Report
from bitrun.engine.engine import Engine
from bitrun.images.build_context import pack_dockerfile
from bitrun.model.errors import BuildError, EngineError

RELEASE = "trixie"
UPSTREAM = f"debian:{RELEASE}-slim"

_APT_INSTALL = ROOT / "scripts" / "apt-install"
_REGISTRY_TIMEOUT = 5.0
_DEBIAN_NAMES = {"386": "i386", "arm": "armhf", "ppc64le": "ppc64el"}


def build_root(
    engine: Engine, folder: Path, name: str, labels: dict[str, str], report: Report
) -> None:
    """Build the root image under a name. `folder` contains the configuration of a bootstrap.

    Raises:
        BuildError: it is available neither from a registry nor from a mirror.
    """
    if _pull_upstream(engine, report):
        engine.build_image(BytesIO(pack_dockerfile(f"FROM {UPSTREAM}\n")), name, labels, report)
        return
    report(f"No registry offers {UPSTREAM}: bootstrapping Debian from its mirror")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root.tar"
        _bootstrap(folder, root, engine.architecture(), report)
        engine.import_image(root, name, labels)


def _pull_upstream(engine: Engine, report: Report) -> bool:
    if engine.find_image(UPSTREAM):
        return True
    # The engine itself waits for minutes for a registry that does not answer.
    if not Engine(_REGISTRY_TIMEOUT).is_in_registry(UPSTREAM):
        return False
    try:
        engine.pull_image(UPSTREAM, report)
    except (EngineError, BuildError) as error:
        report(str(error))
        return False
    return True


def _bootstrap(folder: Path, root: Path, architecture: str, report: Report) -> None:
    if shutil.which("mmdebstrap") is None:
        _run([str(_APT_INSTALL), "mmdebstrap", "debian-archive-keyring"], report)
    _run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--architectures={_DEBIAN_NAMES.get(architecture, architecture)}",
            "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
            f"--dpkgopt={folder / 'dpkg.cfg'}",
            RELEASE,
            str(root),
            str(folder / "sources.list"),
        ],
        report,
    )


def _run(command: list[str], report: Report) -> None:
    last: deque[str] = deque(maxlen=20)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            last.append(line.rstrip())
            report(line.rstrip())
    if process.returncode != 0:
        raise BuildError("\n".join(last))
