"""The kernels of clients: each that is created here has a sandbox of its own.

Those that a client has started in its other sandboxes are there, too.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from bitrun.api.jupyter.errors import NoSuchKernel, NoSuchKernelSpec
from bitrun.config.catalogue import KernelSpec
from bitrun.execution.kernels.kernel import Kernel
from bitrun.execution.limits import language_limits, sandbox_limits
from bitrun.execution.sandboxes.sandbox import Sandbox, SandboxPlan
from bitrun.model.disconnect import ClientConnection
from bitrun.model.errors import SandboxEnded, SandboxNotFound
from bitrun.packages.runtimes import Runtime
from bitrun.service.service import Service

_MAX_KNOWN = 4096  # kernels of which it is known in which sandbox they are or were
_MAX_SHOWN = 64  # characters of a name in a refusal


@dataclass(frozen=True, slots=True)
class OwnKernel:
    """A kernel of a client, and the sandbox that it is in."""

    kernel: Kernel
    sandbox: Sandbox

    @property
    def id(self) -> str:
        return self.kernel.id


class Registry:
    """The kernels of all clients of a service. Threads share it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sandboxes = service.sandboxes
        self.started_at = time.time()
        # By the kernel's id: the sandbox that was made for it.
        self._made: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def specs(self) -> Mapping[str, tuple[KernelSpec, Runtime]]:
        """Return the kernels that can be started, by their names; the first is the default."""
        found: dict[str, tuple[KernelSpec, Runtime]] = {}
        for runtime in self._service.runtimes.all():
            for spec in runtime.language.kernels:
                found.setdefault(spec.name, (spec, runtime))
        return found

    def find_spec(self, name: str | None) -> tuple[KernelSpec, Runtime]:
        """Return the kernel of a name; of None the default.

        Raises:
            NoSuchKernelSpec: there is none.
        """
        specs = self.specs()
        if not specs:
            raise NoSuchKernelSpec(
                "No installed package has a kernel."
                " The operator installs one with: make install PACKAGES=jupyter"
            )
        if name is None:
            return next(iter(specs.values()))
        if name not in specs:
            known = ", ".join(specs)
            raise NoSuchKernelSpec(f"There is no kernel {name[:_MAX_SHOWN]}; there are: {known}")
        return specs[name]

    def create(
        self,
        owner: str | None,
        name: str | None,
        environment: Mapping[str, str],
        connection: ClientConnection | None,
    ) -> OwnKernel:
        """Start a kernel in a sandbox of its own; it need not answer yet.

        Clients can't ask for a network: it has that of its language's programs, by the catalogue.

        Raises:
            NoSuchKernelSpec: there is none of this name.
            RequestError, Busy, ServiceError, ClientDisconnected: as `Sandboxes.creation`.
        """
        spec, runtime = self.find_spec(name)
        settings = self._service.settings
        limits = sandbox_limits(runtime.language, settings)
        network = language_limits(runtime.language, settings).box.network
        plan = SandboxPlan(runtime, limits, environment, network)
        with self._sandboxes.creation(owner, plan, connection) as sandbox:
            kernel = sandbox.kernels.get_only(spec.name)  # it may have been started ahead
        with self._lock:
            self._made[kernel.id] = sandbox.id
            while len(self._made) > _MAX_KNOWN:
                self._made.popitem(last=False)
        return OwnKernel(kernel, sandbox)

    def find(self, owner: str | None, kernel_id: str) -> OwnKernel:
        """Return a client's kernel.

        Raises:
            NoSuchKernel: it has none of this id.
        """
        with self._lock:
            made_for_it = self._made.get(kernel_id)
        if made_for_it is None:
            sandboxes = self._sandboxes.of(owner)
        else:
            try:
                sandboxes = [self._sandboxes.find(owner, made_for_it)]
            except (SandboxEnded, SandboxNotFound) as error:
                reason = str(error) if isinstance(error, SandboxEnded) else ""
                raise NoSuchKernel(kernel_id, reason) from error
        for sandbox in sandboxes:
            for kernel in sandbox.kernels.all():
                if kernel.id == kernel_id:
                    return OwnKernel(kernel, sandbox)
        raise NoSuchKernel(kernel_id)

    def of(self, owner: str | None) -> list[OwnKernel]:
        """List a client's kernels; none if it can't be identified."""
        return [
            OwnKernel(kernel, sandbox)
            for sandbox in self._sandboxes.of(owner)
            for kernel in sandbox.kernels.all()
        ]

    def delete(self, owner: str | None, kernel_id: str) -> None:
        """End a client's kernel, with the sandbox that was made for it; raises as `find`."""
        found = self.find(owner, kernel_id)
        with self._lock:
            was_made = kernel_id in self._made
        if was_made:
            self._sandboxes.delete(owner, found.sandbox.id)  # a kernel that still starts, too
        else:
            found.sandbox.kernels.shut_down(kernel_id)
