"""Starts gunicorn with the package's own configuration."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import gunicorn

CONFIGURATION = Path(__file__).with_name("gunicorn_conf.py")
APPLICATION = "bitrun.server.wsgi:app"


def exec_gunicorn() -> NoReturn:
    """Replace this process by gunicorn.

    It keeps the process id, so a supervisor such as systemd signals gunicorn itself; and nothing
    that the `bitrun` command has imported is inherited by the workers.
    """
    options = ["-P"] if sys.flags.safe_path else []
    os.execv(  # noqa: S606  no shell is wanted
        sys.executable,
        [
            sys.executable, *options, "-m", gunicorn.__name__,
            "--config", str(CONFIGURATION), APPLICATION,
        ],
    )  # fmt: skip
