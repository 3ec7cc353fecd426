"""A session of the OpenAI Agents SDK in a sandbox: `openai_agents_sandbox.py URL`, prints JSON."""

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

from agents.sandbox.errors import ExecTimeoutError, WorkspaceReadNotFoundError
from agents.sandbox.snapshot import LocalSnapshotSpec

from bitrun.client import AsyncClient
from bitrun.client.openai_agents import BitRunSandboxClient, BitRunSandboxOptions


async def main() -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with AsyncClient(sys.argv[1]) as http:
        client = BitRunSandboxClient(http)
        options = BitRunSandboxOptions(language="python", minutes=5)
        snapshot = LocalSnapshotSpec(base_path=Path(sys.argv[2]))
        session = await client.create(options=options, snapshot=snapshot)
        async with session:
            await session.write(Path("data/in.csv"), io.BytesIO(b"a,b\n1,2\n"))
            done = await session.exec("wc -l < data/in.csv; pwd; echo err >&2; exit 3")
            found["exec"] = [done.stdout.decode(), done.stderr.decode(), done.exit_code]
            found["read"] = (await session.read(Path("/box/data/in.csv"))).read().decode()
            found["listed"] = [Path(each.path).name for each in await session.ls("data")]
            try:
                await session.exec("sleep 60", timeout=1)
            except ExecTimeoutError:
                found["late"] = True
            try:
                await session.read(Path("none"))
            except WorkspaceReadNotFoundError:
                found["missing"] = True
            found["running"] = await session.running()
        state = client.deserialize_session_state(client.serialize_session_state(session.state))
        again = await client.resume(state)
        async with again:
            found["resumed"] = (await again.read(Path("data/in.csv"))).read().decode()
        await client.delete(again)
        found["ended"] = not await again.running()
        replaced = await client.resume(again.state)
        async with replaced:
            found["restored"] = (await replaced.read(Path("data/in.csv"))).read().decode()
        await client.delete(replaced)
        found["left"] = len(await http.sandboxes())
    return found


sys.stdout.write(json.dumps(asyncio.run(main())))
