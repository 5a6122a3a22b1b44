import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import papermill
import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from nbclient import NotebookClient
from nbformat import NotebookNode, v4, write

from colab_starter.run.kernels.provisioner import MODULES_VARIABLE, WarmProvisioner, close_servers

WHO = "import os, sys, early; print(os.path.basename(sys.argv[0]), early.PID != os.getpid())"
IS_FORK = "print(os.readlink('/proc/self/fd/0'), 'kernels.server' in open(f'/proc/{os.getppid()}/cmdline').read())"


@pytest.fixture(autouse=True)
def _choose_provisioner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "early.py").write_text("import os\nPID = os.getpid()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "colab-starter-warm")
    monkeypatch.setenv(MODULES_VARIABLE, "csv, early")
    KernelProvisionerFactory.clear_instance()  # it reads the variable once
    yield
    KernelProvisionerFactory.clear_instance()
    close_servers()


def notebook(*cells: str) -> NotebookNode:
    made: NotebookNode = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    return made


def texts(notebook: NotebookNode) -> list[str]:
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]


def test_nbclient_gets_a_warm_kernel() -> None:
    made = notebook(f"{WHO}\n{IS_FORK}", "1 / 0")
    NotebookClient(made, allow_errors=True).execute()
    assert texts(made)[0] == "ipykernel_launcher.py True\n/dev/null True\n"
    assert made.cells[1].outputs[0].ename == "ZeroDivisionError"


def test_papermill_gets_a_warm_kernel(tmp_path: Path) -> None:
    made = notebook(f"{WHO}\n{IS_FORK}", "open('left_open.txt', 'w').write('kept')")
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write(made, tmp_path / "in.ipynb")
    papermill.execute_notebook(tmp_path / "in.ipynb", tmp_path / "out.ipynb", cwd=tmp_path, progress_bar=False)
    executed = json.loads((tmp_path / "out.ipynb").read_text())
    assert executed["cells"][0]["outputs"][0]["text"] == ["ipykernel_launcher.py True\n", "/dev/null True\n"]
    assert (tmp_path / "left_open.txt").read_text() == "kept"


def test_a_death_is_noticed_and_its_status_known() -> None:
    manager, client = start_new_kernel()
    provisioner = manager.provisioner
    assert isinstance(provisioner, WarmProvisioner)
    kernel: Any = provisioner.process
    os.kill(kernel.pid, signal.SIGKILL)
    assert kernel.wait(60) == -signal.SIGKILL
    assert not manager.is_alive()
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_kernel_with_options_of_its_own_starts_cold() -> None:
    made = notebook(f"{WHO}\nprint(open(f'/proc/{{os.getppid()}}/cmdline').read().count('kernels.server'))")
    NotebookClient(made, extra_arguments=["--IPKernelApp.exec_lines=x = 1"]).execute()
    assert texts(made)[0].endswith("\n0\n")


def test_an_import_that_a_cold_kernel_might_answer_otherwise_is_an_error_that_says_so() -> None:
    made = notebook("import os; os.environ['SET_BY_THE_NOTEBOOK'] = '1'", "import early")
    NotebookClient(made, allow_errors=True).execute()
    (error,) = made.cells[1].outputs
    assert error.ename == "ImportError"
    assert "since then SET_BY_THE_NOTEBOOK was set; start the kernel cold" in error.evalue


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_what_a_notebook_leaves_running_is_killed() -> None:
    made = notebook("import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)")
    NotebookClient(made).execute()
    close_servers()
    assert not os.path.exists(f"/proc/{int(texts(made)[0])}")
