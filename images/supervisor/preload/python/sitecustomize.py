"""Python's stdout on a pipe as on a terminal; loaded by PYTHONPATH.

PYTHONUNBUFFERED would do it, too, but makes several writes of one print().
"""

import sys

if sys.stdout is not None:
    sys.stdout.reconfigure(line_buffering=True)
