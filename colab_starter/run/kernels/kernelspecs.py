"""The installed kernels, and the commands that start them."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager

from colab_starter.errors import NoSuchKernelError
from colab_starter.run.overlays.entering import find_python

_LAUNCHER = ["-m", "ipykernel_launcher"]


def find_kernelspec(name: str) -> KernelSpec:
    """The kernelspec of this name. Raises NoSuchKernelError, which names the installed kernels."""
    manager = KernelSpecManager()
    try:
        return manager.get_kernel_spec(name)
    except NoSuchKernel:
        installed = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise NoSuchKernelError(
            f"there is no kernel {name!r}; installed: {installed}. Choose one with --kernel, or install it"
        ) from None


def format_command(name: str, connection_file: Path, overlay: str = "") -> list[str]:
    """The command that starts a cold kernel, in the overlay of its environment if that folder is given."""
    manager = KernelManager(kernel_name=name, connection_file=str(connection_file))
    manager._launch_args = manager._launch_args or {}  # before jupyter_client 8, it must not be None
    command: list[str] = manager.format_kernel_cmd()
    if "ipykernel_launcher" in command:
        command.append("--HistoryManager.enabled=False")
    if command[1:3] == _LAUNCHER:
        command[1:3] = [str(Path(__file__).with_name("iopub_pipe.py"))]
    return [find_python(overlay), *command[1:]] if overlay else command


def read_environment(spec: KernelSpec, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a kernelspec, with ``${NAME}`` replaced by values from ``environment``."""
    return {name: Template(value).safe_substitute(environment) for name, value in spec.env.items()}
