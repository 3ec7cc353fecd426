"""AutoGen's executor for Jupyter's server, against the host and with the token of the arguments."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.docker_jupyter import DockerJupyterCodeExecutor
from autogen_ext.code_executors.docker_jupyter._jupyter_server import JupyterConnectionInfo

HOST, TOKEN = sys.argv[1:]
PLOT = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"


async def main(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    server = JupyterConnectionInfo(host=HOST, use_https=False, token=TOKEN)

    async def run(*codes: str) -> list[Any]:
        blocks = [CodeBlock(code=code, language="python") for code in codes]
        result = await executor.execute_code_blocks(blocks, CancellationToken())
        return [result.exit_code, result.output]

    async with DockerJupyterCodeExecutor(server, timeout=100, output_dir=folder) as executor:
        found["hello"] = await run("x = 6\nprint('Hello')", "print(7 * x)")
        found["error"] = (await run("1 / 0"))[0]
        await run(PLOT)
        found["files"] = [path.suffix for path in folder.iterdir()]  # noqa: ASYNC240
        await executor.restart()
        found["restarted"] = await run("print('x' in globals())")
    return found


with tempfile.TemporaryDirectory() as name:
    json.dump(asyncio.run(main(Path(name))), sys.stdout)
