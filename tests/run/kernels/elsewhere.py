"""An environment that is not that of colab-starter, with a kernelspec: only its path differs, and colab-starter is not
in it. What other Pythons do is in ``test_other_pythons``.
"""

import json
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from colab_starter.run.job import KernelPython, WarmPlan
from colab_starter.run.kernels.forkserver import ForkServer
from colab_starter.run.kernels.guarded import Guard
from colab_starter.run.kernels.local import LocalKernel
from colab_starter.run.kernels.protocol import GUARD
from tests.run.kernels.talks import PATIENCE, Answer, Talk, talk_in

NAME = "elsewhere"


def make_environment(folder: Path) -> KernelPython:
    """Make it; its kernelspec is in ``share/jupyter``, and sets a variable."""
    venv.create(folder, symlinks=True)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (place,) = folder.glob("lib/*/site-packages")
    (place / "all.pth").write_text("\n".join(packages))  # whose own .pth files are not read
    return write_kernelspec(folder, folder / "bin" / "python")


def write_kernelspec(folder: Path, python: Path) -> KernelPython:
    """Add the kernelspec of a Python to ``share/jupyter`` in this folder."""
    variables = {"OF_THE_SPEC": "for ${OF_THE_TEST}"}
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": NAME, "language": "python", "env": variables}
    file = folder / "share" / "jupyter" / "kernels" / NAME / "kernel.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(spec))
    return KernelPython(str(python), tuple(variables.items()))


@contextmanager
def found_by_jupyter(folder: Path) -> Iterator[None]:
    """Let this process and those that it starts find the kernelspec."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "share" / "jupyter"))
        patch.setenv("OF_THE_TEST", "all")
        yield


@contextmanager
def open_server(folder: Path, plan: WarmPlan) -> Iterator[ForkServer]:
    """A fork server whose log is in a folder."""
    server = ForkServer(plan, {}, folder / "log")
    try:
        yield server
    finally:
        server.close()


def start_guarded(server: ForkServer, what: Talk) -> LocalKernel:
    """Start a kernel of the server's Python; this process is its worker."""
    guard = Guard(server.fork(GUARD, None))
    guard.wait_until_ready(PATIENCE)
    return LocalKernel.start(
        NAME,
        cwd=what.folder,
        environment=what.environment,
        log=Path(what.folder, "kernel.log"),
        guard=guard,
        timeout=PATIENCE,
    )


def talk_elsewhere(server: ForkServer, what: Talk) -> Answer:
    """Execute the cells in a kernel of the server's Python, or in a cold one of the same kernelspec."""
    if not what.warm:
        log = Path(what.folder, "kernel.log")
        kernel = LocalKernel.start(NAME, cwd=what.folder, environment=what.environment, log=log)
        return talk_in(kernel, what.cells)
    return talk_in(start_guarded(server, what), what.cells)
