"""The service for the tools of an agent, through Piston's requests and replies."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar, Unpack

import anyio

from bitrun.api.http import errors
from bitrun.api.piston.output_files import dropped_reply
from bitrun.api.piston.reply import execute_reply, package_reply, runtime_reply
from bitrun.api.piston.request import read_request
from bitrun.client import BitRunError, OutputFile, Package, Result, RunOptions, Runtime
from bitrun.client.calls import job, read_dropped, read_package, read_result, read_runtime
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import Busy, RequestError, ServiceError
from bitrun.model.output_files import Hold
from bitrun.service.service import Service

Value = TypeVar("Value")


class Runs:
    """Implements `bitrun.mcp.server.Runs` in the process of the service."""

    def __init__(self, service: Service, connection: ClientConnection | None, hold: Hold) -> None:
        self._service = service
        self._connection = connection
        self._hold = hold

    async def runtimes(self) -> Sequence[Runtime]:
        return await _in_thread(
            lambda: [
                read_runtime(runtime_reply(each, self._service.settings))
                for each in self._service.runtimes.all()
            ]
        )

    async def packages(self) -> Sequence[Package]:
        return await _in_thread(
            lambda: [read_package(package_reply(each)) for each in self._service.packages.all()]
        )

    async def run(
        self, language: str, code: str | None = None, **options: Unpack[RunOptions]
    ) -> Result:
        return await _in_thread(lambda: self._run(job(language, code, **options)))

    def _run(self, body: dict[str, object]) -> Result:
        runtime, wanted = read_request(body, self._service.runtimes, self._service.settings)
        result = self._service.runner.run(wanted, self._connection, hold=self._hold)
        found = read_result(execute_reply(runtime, result))
        return dataclasses.replace(
            found,
            files=tuple(OutputFile(file.name, file.content) for file in result.files),
            files_dropped=tuple(read_dropped(dropped_reply(file)) for file in result.files_dropped),
        )


async def _in_thread(work: Callable[[], Value]) -> Value:
    try:
        return await anyio.to_thread.run_sync(work)
    except (RequestError, Busy, ServiceError) as error:
        sentence = errors.report(error).text(error)
        raise BitRunError(errors.detail(error).get("detail", sentence)) from error
