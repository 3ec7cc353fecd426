"""Matplotlib backend: `show()` saves the open figures, since a box has no screen.

They become `figure-1.png`, `figure-2.png` and so on in the work directory; no other file is
replaced. As at home, `show()` then closes them, so that the next one shows new ones only. With
`block=False`, as in `pause()`, they stay open, and the next one saves them again, to the same file.
"""

import io
import os
import sys
import threading

import matplotlib
from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

# At the first figure; a program may change it later, and files are collected here only.
_FOLDER = os.getcwd()

_lock = threading.Lock()  # two threads that show at once would save one figure twice


class FigureManager(FigureManagerBase):
    """A figure, and the file that it is saved to."""

    _path = None

    @classmethod
    def pyplot_show(cls, *, block=None):
        with _lock:
            for manager in sorted(Gcf.get_all_fig_managers(), key=lambda manager: manager.num):
                manager._save()
            if block or (block is None and not matplotlib.is_interactive()):
                Gcf.destroy_all()

    def show(self):
        with _lock:
            self._save()

    def _save(self):
        picture = io.BytesIO()
        self.canvas.figure.savefig(picture, format="png")
        try:
            with self._open() as file:
                file.write(picture.getbuffer())
        except OSError as error:
            print(
                f"The figure can't be saved to {error.filename or _FOLDER}: {error.strerror}",
                file=sys.stderr,
            )

    def _open(self):
        if self._path is not None:
            return open(self._path, "wb")
        number = 0
        while True:
            number += 1
            path = os.path.join(_FOLDER, f"figure-{number}.png")
            try:
                # Other processes of the program may save figures, too.
                file = open(path, "xb")
            except FileExistsError:
                continue
            self._path = path
            return file


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
