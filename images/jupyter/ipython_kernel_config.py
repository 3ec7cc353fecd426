"""Settings of the Python kernel: what it keeps on disk at home, it keeps in memory here."""

c = get_config()  # noqa: F821  IPython gives it to this file
c.HistoryManager.hist_file = ":memory:"
