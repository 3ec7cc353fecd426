"""jupyter-kernel-client from PyPI, against the server and with the token of the arguments."""

import json
import sys
from typing import Any

from jupyter_kernel_client import JupyterKernelClient
from jupyter_kernel_client.manager import KernelHttpManager

SERVER, TOKEN = sys.argv[1:]

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"


def texts(reply: dict[str, Any]) -> list[Any]:
    return [
        each.get("text") or each.get("ename") or sorted(each["data"]) for each in reply["outputs"]
    ]


found: dict[str, Any] = {}
with JupyterKernelClient(server_url=SERVER, token=TOKEN) as kernel:
    found["hello"] = texts(kernel.execute("x = 6\nprint('Hello')"))
    found["state"] = texts(kernel.execute("print(7 * x)"))
    found["error"] = texts(kernel.execute("1 / 0"))
    found["plot"] = texts(kernel.execute(PLOT))
    found["variables"] = [each["name"] for each in kernel.list_variables()]
    kernel.restart()
    found["restarted"] = texts(kernel.execute("print('x' in globals())"))
    manager = KernelHttpManager(server_url=SERVER, token=TOKEN)
    found["listed"] = [each["id"] == kernel.id for each in manager.list_kernels()]
found["left"] = manager.list_kernels()
json.dump(found, sys.stdout)
