"""Calls for containers and their network."""

import json
import shlex
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import requests
from docker import errors

from bitrun.engine.calls import EngineCalls
from bitrun.engine.labels import ROLE
from bitrun.model.errors import BuildError, EngineUnavailable


class ContainerEnd(NamedTuple):
    """How a container has ended."""

    out_of_memory: bool
    exit_code: int | None  # None if memory ran out before it ended, or the engine missed it


class ContainerCalls(EngineCalls):
    """The part of `Engine` for containers. They are named by id."""

    def create_container(
        self, image: str, command: list[str], host: dict[str, Any], **options: Any
    ) -> str:
        """Create a container whose stdin closes for good when its one client disconnects.

        `host` holds docker-py's host options, `options` those of the container itself.

        Returns:
            The container's id.

        Raises:
            NotOnEngine: the image is not there.
        """
        with self._call("create_container"):
            client = self._client()
            config = client.create_container_config(
                image,
                command,
                stdin_open=True,
                host_config=client.create_host_config(**host),
                **options,
            )
            return str(client.call("/containers/create", config)["Id"])

    def attach_container(self, container: str) -> socket.socket:
        """Open the container's stdin and stdout as one socket.

        Writes go to stdin; reads give stdout and stderr in Docker's multiplexed format. Attached
        before the start, it misses nothing.
        """
        with self._call("attach_container"):
            streams = "stdin=1&stdout=1&stderr=1&stream=1"
            return self._client().call_for_socket(f"/containers/{container}/attach?{streams}")

    def start_container(self, container: str) -> None:
        with self._call("start_container"):
            self._client().call(f"/containers/{container}/start")

    def set_memory_limit(self, container: str, size: int) -> None:
        """Change a container's memory limit, in bytes, without swap."""
        with self._call("set_memory_limit"):
            self._client().update_container(container, mem_limit=size, memswap_limit=size)

    def set_process_limit(self, container: str, number: int) -> None:
        """Change how many processes and threads a container may have."""
        with self._call("set_process_limit"):
            # docker-py's own call does not know it.
            self._client().call(f"/containers/{container}/update", {"PidsLimit": number})

    def set_cpu_shares(self, container: str, shares: int) -> None:
        """Change a container's weight on busy processors; the default is 1024.

        A refusal is ignored: the engine answers 500 for a container that has just ended, as for
        everything else.
        """
        with self._call("set_cpu_shares"), suppress(errors.APIError):
            self._client().update_container(container, cpu_shares=shares)

    def remove_container(self, container: str) -> None:
        """Kill and remove a container. One already removed, or being removed, is no error."""
        with self._call("remove_container"):
            try:
                self._client().remove_container(container, force=True, v=True)
            except errors.NotFound:
                pass
            except errors.APIError as error:
                # 409: its removal is in progress.
                if error.status_code != requests.codes.conflict:
                    raise

    def execute(self, container: str, command: Sequence[str]) -> None:
        """Start a command in a running container, as root."""
        with self._call("execute"):
            client = self._client()
            created = client.exec_create(container, list(command), user="0:0")
            client.exec_start(created["Id"], detach=True)

    def list_containers(self, label: str, value: str | None = None) -> list[dict[str, Any]]:
        """List all containers with a label, stopped ones included, in the engine's own form."""
        wanted = label if value is None else f"{label}={value}"
        with self._call("list_containers"):
            return list(self._client().containers(all=True, filters={"label": wanted}))

    def find_end(self, container: str, timeout: float) -> ContainerEnd:
        """Find how a container has ended.

        The engine reports `oom` and `die` before `destroy`, and keeps the events for a while;
        `timeout`, in seconds, bounds the wait for them.
        """
        filters = {"container": [container], "event": ["oom", "die", "destroy"]}
        end = ContainerEnd(out_of_memory=False, exit_code=None)
        with self._call("find_end"):
            client = self._client()
            # docker-py's own call has no timeout.
            response = client.get(
                f"{client.base_url}/v{client.api_version}/events",
                params={"since": "1", "filters": json.dumps(filters)},
                stream=True,
                timeout=timeout,
            )
            with response:
                for line in response.iter_lines():
                    event = json.loads(line)
                    match event["Action"]:
                        case "oom":
                            return end._replace(out_of_memory=True)
                        case "die":
                            code = event["Actor"]["Attributes"].get("exitCode")
                            end = end._replace(exit_code=None if code is None else int(code))
                        case _:
                            return end
        raise EngineUnavailable("The Docker engine stopped before it reported the end of a box")

    def run_command(self, image: str, command: Sequence[str]) -> str:
        """Run a short command in an image and return its stdout.

        Raises:
            BuildError: the command failed.
        """
        container = self.create_container(
            image,
            list(command),
            # The output is read from a log, and the engine's default driver may keep none.
            {"network_mode": "none", "log_config": {"Type": "json-file"}},
            entrypoint=[],
            labels={ROLE: "build"},
        )
        try:
            self.start_container(container)
            with self._call("run_command"):
                code = self._client().wait(container)["StatusCode"]
                output = self._client().logs(container, stderr=code != 0).decode(errors="replace")
        finally:
            self.remove_container(container)
        if code != 0:
            raise BuildError(f"{shlex.join(command)} in {image} exited with {code}: {output}")
        return str(output)

    def ensure_network(self, name: str, labels: dict[str, str]) -> None:
        """Create a bridge network, unless it exists; its containers can't reach each other."""
        with self._call("ensure_network"):
            try:
                self._client().inspect_network(name)
            except errors.NotFound:
                self._create_network(name, labels)

    def ensure_volume(self, name: str, labels: dict[str, str], options: Mapping[str, str]) -> None:
        """Create a volume of the driver `local`, unless it exists."""
        with self._call("ensure_volume"):
            self._client().create_volume(name, "local", dict(options), labels)

    def _create_network(self, name: str, labels: dict[str, str]) -> None:
        isolated = {"com.docker.network.bridge.enable_icc": "false"}
        try:
            self._client().create_network(
                name, driver="bridge", options=isolated, labels=labels, check_duplicate=True
            )
        except errors.APIError as error:
            # 409: another process created it first.
            if error.status_code != requests.codes.conflict:
                raise
