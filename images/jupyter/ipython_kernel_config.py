"""Settings of the Python kernel: what it keeps on disk at home, it keeps in memory here."""

import site
from pathlib import Path

c = get_config()  # noqa: F821  IPython gives it to this file
c.HistoryManager.hist_file = ":memory:"

# Where pip puts packages. A Python that runs finds them only in a folder that it knows of already.
Path(site.getusersitepackages()).mkdir(parents=True, exist_ok=True)
site.addsitedir(site.getusersitepackages())
