"""Open WebUI's code interpreter: its modules as the wheel has them, in a package of little else."""

import asyncio
import json
import sys
from types import ModuleType

FOLDER, SERVER, TOKEN = sys.argv[1:]

package, env = ModuleType("open_webui"), ModuleType("open_webui.env")
package.__path__ = [f"{FOLDER}/open_webui"]
vars(env).update(AIOHTTP_CLIENT_ALLOW_REDIRECTS=False, ENABLE_ORJSON=False)
sys.modules |= {"open_webui": package, "open_webui.env": env}

from open_webui.utils.code_interpreter import execute_code_jupyter  # noqa: E402

PROGRAMS = {
    "hello": "print('Hello')",
    "stderr": "import sys; print('err', file=sys.stderr)",
    "value": "6 * 7",
    "error": "1 / 0",
    "plot": "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
}


async def main() -> None:
    found = {
        name: await execute_code_jupyter(SERVER, code, token=TOKEN)
        for name, code in PROGRAMS.items()
    }
    found["together"] = [
        each["stdout"]
        for each in await asyncio.gather(
            *(execute_code_jupyter(SERVER, f"print({n})", token=TOKEN) for n in range(3))
        )
    ]
    json.dump(found, sys.stdout)


asyncio.run(main())
