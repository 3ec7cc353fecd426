"""Calls aiopyston against the API named as the argument; prints the replies as JSON."""

import asyncio
import json
import sys
from typing import Any

from pyston import File, PystonClient
from pyston.exceptions import ExecutionError


async def refusal(client: Any, *args: Any, **options: Any) -> str:
    try:
        return str(await client.execute(*args, **options))
    except ExecutionError as error:
        return f"refused: {error}"


async def main(url: str, key: str | None) -> None:
    client = PystonClient(api_key=key, base_url=url)
    program = File("import sys; print(sys.argv[1:], input()); sys.exit(3)", "main.py")
    python = await client.execute("python", [program], stdin="typed", args=["a b"])
    compiled = await client.execute("c", [File("int main() { return 4; }")])
    replies = {
        "versions": [repr(runtime) for runtime in await client.get_runtimes("py")],
        "languages": sorted(await client.languages()),
        "python": [python.run_stage.output, python.run_stage.code, python.version],
        "compiled": [compiled.compile_stage.code, compiled.run_stage.code],
        "unknown": await refusal(client, "python", [program], version="1.0.0"),
        "limit": await refusal(client, "python", [program], run_timeout=9999),
    }
    await client.close_session()
    json.dump(replies, sys.stdout)


asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
