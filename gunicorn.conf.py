"""gunicorn's configuration in a checkout: that of the package.

Run, not imported: gunicorn executes this file again at each reload, and an import would give it the
values of the first time.
"""

import runpy

globals().update(runpy.run_module("bitrun.server.gunicorn_conf"))
