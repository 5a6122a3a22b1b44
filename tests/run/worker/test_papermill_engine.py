"""``papermill --engine colab-starter``: with the real command."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode, v4
from papermill import PapermillExecutionError, execute_notebook

from colab_starter.errors import NoSuchKernelError
from tests.run.jobs import cell
from tests.support.marks import weekly

PAPERMILL = str(Path(sys.executable).with_name("papermill"))

Cells = list[str | NotebookNode]
Papermill = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, cells: Cells) -> None:
    made = v4.new_notebook(cells=[v4.new_code_cell(one) if isinstance(one, str) else one for one in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata.language_info = {"name": "python"}
    nbformat.write(made, path)


@pytest.fixture
def papermill(tmp_path: Path) -> Papermill:
    """Execute cells by the command; the result is in ``out.ipynb``."""

    def call(cells: Cells, *options: str, output: str = "out.ipynb") -> subprocess.CompletedProcess[str]:
        write(tmp_path / "in.ipynb", cells)
        command = [PAPERMILL, "--engine", "colab-starter", "in.ipynb", output, *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return call


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The same in this process, which is quicker."""
    monkeypatch.chdir(tmp_path)

    def call(cells: Cells, **options: Any) -> None:
        write(tmp_path / "in.ipynb", cells)
        execute_notebook("in.ipynb", "out.ipynb", engine_name="colab-starter", progress_bar=False, **options)

    return call


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    nbformat.validate(found)
    return found


def statuses(found: dict[str, Any]) -> list[str]:
    return [one["metadata"]["papermill"]["status"] for one in found["cells"] if one["cell_type"] == "code"]


def test_it_executes_with_parameters_and_shows_its_progress(papermill: Papermill, tmp_path: Path) -> None:
    result = papermill([cell("n = 1", "parameters"), "print(n)"], "-p", "n", "5")
    assert result.returncode == 0, result.stderr
    found = read(tmp_path / "out.ipynb")
    assert statuses(found) == ["completed"] * 3
    assert found["cells"][2]["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["5\n"]}]
    assert found["metadata"]["papermill"]["parameters"] == {"n": 5}
    assert found["metadata"]["papermill"]["exception"] is None
    assert "3/3" in result.stderr


def test_a_dead_kernel_is_told_with_its_cause_and_the_statuses_are_true(papermill: Papermill, tmp_path: Path) -> None:
    """papermill's own engine says ``completed`` of the cell that died and of those that never ran."""
    result = papermill(["1", "import os; os._exit(9)", "never"])
    assert result.returncode == 138
    assert "DeadKernelError: the kernel ended with exit code 9 in cell In[2]" in result.stderr
    found = read(tmp_path / "out.ipynb")
    assert statuses(found) == ["completed", "failed", "pending"]
    assert found["metadata"]["papermill"]["exception"] is True
    assert found["metadata"]["colab_starter"]["status"] == "killed"


def test_it_works_in_another_folder_and_writes_to_files(papermill: Papermill, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    code = "import os, sys\nprint(os.getcwd())\nprint('oops', file=sys.stderr)"
    options = ["--cwd", "inner", "--stdout-file", "o.txt", "--stderr-file", "e.txt", "--log-output"]
    result = papermill([code], *options)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "inner" / "o.txt").read_text() == f"{tmp_path}/inner\n"
    assert (tmp_path / "inner" / "e.txt").read_text() == "oops\n"
    assert "Executing Cell 1---" in result.stderr
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed"]


def test_it_writes_to_what_is_no_file(papermill: Papermill) -> None:
    result = papermill(["print('é')"], "--no-progress-bar", output="-")
    assert result.returncode == 0, result.stderr
    assert statuses(json.loads(result.stdout)) == ["completed"]


def test_a_full_disk_is_an_error(papermill: Papermill) -> None:
    result = papermill(["1"], output="/dev/full")
    assert result.returncode == 1
    assert "No space left on device" in result.stderr


def test_an_error_is_raised_as_papermill_does(execute: Callable[..., None], tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(["1", "1 / 0", "never"])
    found = read(tmp_path / "out.ipynb")
    assert statuses(found) == ["completed", "failed", "pending"]
    assert "An Exception was encountered" in "".join(found["cells"][0]["source"])


def test_a_cell_over_its_limit_is_failed_and_later_ones_stay_pending(
    execute: Callable[..., None], tmp_path: Path
) -> None:
    with pytest.raises(CellTimeoutError, match=r"cell In\[2\] took longer than its limit, 2 s"):
        execute(["1", "import time; time.sleep(600)", "never"], execution_timeout=2)
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "failed", "pending"]


def test_a_good_output_outlives_a_kernel_that_does_not_start(execute: Callable[..., None], tmp_path: Path) -> None:
    """papermill's own engine replaces it by a notebook whose cells all say ``completed``."""
    (tmp_path / "out.ipynb").write_text("good")
    with pytest.raises(NoSuchKernelError, match=r"nonsense.*python3"):
        execute(["1"], kernel_name="nonsense")
    assert (tmp_path / "out.ipynb").read_text() == "good"


LEAK = """
import sys, time
token = os.environ["SOME_TOKEN"]
print(token, repr(token))
for part in (token[:5], token[5:]):
    print("begun " if part == token[:5] else "", part, sep="", end="", flush=True)
    time.sleep(0.05)
print("\\n", token, file=sys.stderr, flush=True)
display({"text/plain": token, "text/html": f"<b>{token}</b>"}, raw=True)
os.write(sys.stdout._original_stdstream_copy, token.encode())
"""


@pytest.mark.parametrize("end", ["1", "raise ValueError(token)", "os._exit(3)"], ids=["ends", "fails", "dies"])
def test_secrets_are_masked_in_all_that_it_writes(
    papermill: Papermill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "hunter2-hunter2")
    cells = [cell("text = api_key = ''", "parameters"), f"import os\n{LEAK}\n{end}"]
    told = ["-p", "text", "hunter2-hunter2", "-p", "api_key", "hunter3-hunter3"]
    result = papermill(cells, *told, "--stdout-file", "o.txt", "--stderr-file", "e.txt", "--log-output")
    assert (result.returncode == 0) == (end == "1")
    files = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert not [name for name, text in files.items() if "hunter" in text]
    assert "hunter" not in result.stdout + result.stderr
    assert files["o.txt"].startswith("*** '***'\nbegun ***")
    assert files["e.txt"] == "\n ***\n"
    assert statuses(read(tmp_path / "out.ipynb"))[-1] == ("completed" if end == "1" else "failed")
    assert read(tmp_path / "out.ipynb")["metadata"]["papermill"]["parameters"] == {"text": "***", "api_key": "***"}


def test_an_early_end_is_no_failure(execute: Callable[..., None], tmp_path: Path) -> None:
    execute(["import sys; sys.exit(0)", "never"])
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "pending"]


@pytest.mark.parametrize(
    "code", ["import sys; sys.exit(False)", weekly("import sys; sys.exit(None)"), "exit()", weekly("quit(0)")]
)
def test_what_python_takes_for_success_is_success(execute: Callable[..., None], tmp_path: Path, code: str) -> None:
    """papermill raises an error for sys.exit(False). ``test_cell_errors`` has more of them, in warm kernels."""
    execute([code, "never"])
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "pending"]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("exit(3)", "SystemExit"),
        weekly("exit('bad')", "SystemExit"),
        ("import sys; sys.exit('0')", "SystemExit"),
        ("import sys; sys.exit('')", "SystemExit"),
        ("%%capture\nraise ValueError('inside')", "ValueError"),
        weekly("%%capture\n%no_such_magic", "UsageError"),
        ("import ipywidgets\nwith ipywidgets.Output(): 1 / 0", "ZeroDivisionError"),
        weekly("class Odd(Exception):\n    def _render_traceback_(self): pass\nraise Odd", "Odd"),
    ],
)
def test_a_cell_that_shows_an_error_has_failed(
    execute: Callable[..., None], tmp_path: Path, code: str, name: str
) -> None:
    with pytest.raises(PapermillExecutionError, match=name):
        execute(["1", code, "never"])
    assert statuses(read(tmp_path / "out.ipynb")) == ["completed", "failed", "pending"]


@pytest.mark.parametrize(
    "above",
    [
        v4.new_markdown_cell("# Settings", metadata={"tags": ["parameters"]}),
        cell("n = 7", "injected-parameters"),
        v4.new_markdown_cell("old", metadata={"tags": ["injected-parameters"]}),
    ],
)
def test_values_go_below_the_parameters_cell(execute: Callable[..., None], tmp_path: Path, above: NotebookNode) -> None:
    """papermill puts them where the defaults overwrite them."""
    execute([above, cell("n = 1", "parameters"), "print(n)"], parameters={"n": 5})
    found = read(tmp_path / "out.ipynb")
    assert found["cells"][-1]["outputs"][0]["text"] == ["5\n"]
    assert [one["metadata"]["tags"] for one in found["cells"] if one["cell_type"] == "code"] == [
        ["parameters"],
        ["injected-parameters"],
        [],
    ]


WAIT = """
import time
from pathlib import Path
saved = Path('out.ipynb')
for _ in range({}):
    time.sleep(0.02)
    if saved.exists() and '"completed"' in saved.read_text(): break
"""


def test_the_output_is_saved_while_it_runs(execute: Callable[..., None], tmp_path: Path) -> None:
    execute(["1", WAIT.format(500), "import shutil\nshutil.copy('out.ipynb', 'seen.ipynb')"])
    assert statuses(read(tmp_path / "seen.ipynb")) == ["completed", "running", "pending"]


def test_the_output_is_not_saved_while_it_runs_if_nobody_wants_that(execute: Callable[..., None]) -> None:
    execute(["1", WAIT.format(75), "assert not saved.exists()"], request_save_on_cell_execute=False)
