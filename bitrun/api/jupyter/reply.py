"""Kernels and their specs as Jupyter's clients read them."""

from collections.abc import Mapping
from typing import Any

from bitrun.api.jupyter.registry import OwnKernel
from bitrun.api.jupyter.times import write_time
from bitrun.config.catalogue import KernelSpec


def spec_reply(spec: KernelSpec) -> dict[str, Any]:
    """Write a kernel spec. What starts the kernel is the service's own business."""
    return {
        "name": spec.name,
        "spec": {
            "argv": [],
            "env": {},
            "display_name": spec.display_name,
            "language": spec.language,
            "interrupt_mode": "message",
            "metadata": {},
        },
        "resources": {},
    }


def specs_reply(specs: Mapping[str, KernelSpec]) -> dict[str, Any]:
    """Write all kernel specs; the first is the default."""
    return {
        "default": next(iter(specs), ""),
        "kernelspecs": {name: spec_reply(spec) for name, spec in specs.items()},
    }


def kernel_reply(found: OwnKernel) -> dict[str, Any]:
    kernel = found.kernel
    return {
        "id": kernel.id,
        "name": kernel.name,
        "last_activity": write_time(kernel.last_activity),
        "execution_state": str(kernel.state),
        "connections": kernel.connections,
    }
