"""The kernels of one sandbox."""

import threading
import uuid
from collections.abc import Sequence

from bitrun.config.catalogue import KernelSpec
from bitrun.execution.kernels.kernel import Kernel, KernelHost, KernelState
from bitrun.model.errors import KernelNotFound, RequestError, TooManyKernels

MAX_KERNELS = 4  # each takes one of the channels of a box

_MAX_SHOWN = 64  # characters of a name in a refusal


class Kernels:
    """The kernels of one sandbox, whose package has those of `specs`. Threads share it."""

    def __init__(self, package: str, specs: Sequence[KernelSpec], host: KernelHost) -> None:
        self.specs = tuple(specs)
        self._package = package
        self._host = host
        self._kernels: dict[str, Kernel] = {}
        self._lock = threading.Lock()

    def start(self, name: str | None = None) -> Kernel:
        """Start a kernel of a spec, by default of the first; it need not answer yet.

        Raises:
            RequestError: the package has no such kernel.
            TooManyKernels: there are MAX_KERNELS.
            TooManyCommands: too much goes on in the sandbox.
            SandboxBusy, SandboxEnded: as `Kernel`.
        """
        spec = self.find_spec(name)
        with self._lock:
            return self._start(spec)

    def get(self, name: str | None = None) -> Kernel:
        """Return the oldest kernel of a spec, by default of the first; start it if there is none.

        Raises:
            RequestError, TooManyKernels, SandboxBusy, SandboxEnded: as `start`.
        """
        spec = self.find_spec(name)
        with self._lock:
            found = (each for each in self._kernels.values() if each.spec == spec)
            return next(found, None) or self._start(spec)

    def get_only(self, name: str | None = None) -> Kernel:
        """Return what `get` does, and shut down all others: for a sandbox that is one kernel.

        Raises:
            RequestError, TooManyKernels, SandboxBusy, SandboxEnded: as `start`.
        """
        kernel = self.get(name)
        for other in self.all():
            if other is not kernel:
                self.shut_down(other.id)
        return kernel

    def running(self, name: str | None = None) -> Kernel:
        """Return what `get` does, but start none.

        Raises:
            RequestError: the package has no such kernel.
            KernelNotFound: none is started.
        """
        spec = self.find_spec(name)
        for kernel in self.all():
            if kernel.spec == spec:
                return kernel
        raise KernelNotFound

    def restart(self, name: str | None = None) -> Kernel:
        """Restart what `running` returns, or start it; it need not answer yet.

        Raises:
            RequestError, TooManyKernels, SandboxBusy, SandboxEnded: as `start`.
        """
        try:
            kernel = self.running(name)
        except KernelNotFound:
            return self.get(name)
        kernel.restart()
        return kernel

    def find(self, kernel_id: str) -> Kernel:
        """Return the kernel of this id.

        Raises:
            KernelNotFound: there is none.
        """
        with self._lock:
            kernel = self._kernels.get(kernel_id)
        if kernel is None:
            raise KernelNotFound
        return kernel

    def all(self) -> list[Kernel]:
        """List them, the oldest first."""
        with self._lock:
            return list(self._kernels.values())

    def shut_down(self, kernel_id: str) -> None:
        """End a kernel; raises as `find` does."""
        kernel = self.find(kernel_id)
        with self._lock:
            if self._kernels.pop(kernel_id, None) is not None:
                self._host.release_lasting()
        kernel.shut_down()

    def is_busy(self) -> bool:
        """Whether one of them executes something."""
        return any(kernel.state is KernelState.BUSY for kernel in self.all())

    def find_spec(self, name: str | None) -> KernelSpec:
        """Return the spec of a name, or else of a language, such as `python`; of None the first.

        Raises:
            RequestError: there is none; the text says which there are.
        """
        if not self.specs:
            raise RequestError(
                f"The package {self._package} has no kernel. Create a sandbox of one that has, such"
                " as jupyter"
            )
        if name is None:
            return self.specs[0]
        for spec in self.specs:
            if name == spec.name:
                return spec
        for spec in self.specs:
            if name.lower() == spec.language.lower():
                return spec
        known = ", ".join(spec.name for spec in self.specs)
        raise RequestError(f"There is no kernel {name[:_MAX_SHOWN]}; there are: {known}")

    def _start(self, spec: KernelSpec) -> Kernel:
        if len(self._kernels) >= MAX_KERNELS:
            raise TooManyKernels(MAX_KERNELS)
        self._host.take_lasting()
        try:
            kernel = Kernel(str(uuid.uuid4()), spec, self._host)
        except BaseException:
            self._host.release_lasting()
            raise
        self._kernels[kernel.id] = kernel
        return kernel
