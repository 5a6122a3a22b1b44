"""The first cells in real kernels: plain, with a stand-in for Colab's front end, and headless on "Colab".

Google's own machines are not to be had in a test, so ``google.colab`` is a stand-in
(tests/fake_colab) and its mount point is moved from /content/drive into the test's folder.
"""

import os
import re
from importlib import metadata
from pathlib import Path

import nbclient
import nbformat
import pytest
from nbformat import NotebookNode

from tests.conftest import Bake, bake_into, execute, first_cells, read_notebook, set_parameters

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bake_into(tmp_path_factory.mktemp("blank") / "baked", preset="blank") / "notebooks/blank.ipynb"


def cells_before_the_framework(path: Path, drive: Path) -> NotebookNode:
    notebook = first_cells(read_notebook(path), stop="framework")
    for cell in notebook.cells:
        cell.source = cell.source.replace("/content/drive", str(drive))
    return notebook


def results_folder(output: str) -> Path:
    found = re.search(r"Results go to (.+)", output)
    assert found
    return Path(found[1])


def test_a_plain_kernel_reports_the_machine_and_keeps_results_here_however_often_it_is_asked(
    blank: Path, tmp_path: Path
) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    storage = next(cell for cell in notebook.cells if cell.id == "storage-0")
    notebook.cells.append(nbformat.from_dict({**storage, "id": "again"}))
    output = execute(notebook, tmp_path)
    for part in ("Python", "Colab", "CPU", "RAM", "Disk", "GPU", "TPU"):
        assert re.search(rf"^{part} +\S", output, re.MULTILINE), part
    assert f"({os.cpu_count()} cores)" in output
    assert "Missing packages: none" in output
    assert results_folder(output) == (tmp_path / "outputs/blank").resolve()
    assert output.count(f"Results go to {results_folder(output)}\n") == 2
    assert results_folder(output).is_dir()


def test_the_whole_notebook_runs_twice_in_one_kernel(blank: Path, tmp_path: Path) -> None:
    once = read_notebook(blank)
    again = [nbformat.from_dict({**cell, "id": f"{cell.id}-again"}) for cell in once.cells]
    once.cells += again
    output = execute(once, tmp_path)
    assert output.count(f"Results go to {(tmp_path / 'outputs/blank').resolve()}\n") == 2


def test_require_gpu_without_a_gpu_says_where_to_switch_it_on(blank: Path, tmp_path: Path) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, require_gpu=True)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="Runtime > Change runtime type > T4 GPU"):
        execute(notebook, tmp_path, PATH=path_without("nvidia-smi"))


def test_without_a_gpu_there_is_a_plain_hint(blank: Path, tmp_path: Path) -> None:
    output = execute(cells_before_the_framework(blank, tmp_path / "drive"), tmp_path, PATH=path_without("nvidia-smi"))
    assert "No GPU, so this runs on the CPU. In Colab you can get one: Runtime > Change runtime type" in output
    assert "On Kaggle: Settings > Accelerator > GPU T4 x2." in output


def path_without(program: str) -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not Path(folder, program).exists())


def path_with(folder: Path, **scripts: str) -> str:
    """A PATH on which shell scripts stand in for programs."""
    folder.mkdir()
    for program, script in scripts.items():
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        (folder / program).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_the_gpu_table_holds_what_nvidia_smi_says(blank: Path, tmp_path: Path) -> None:
    """A stand-in for nvidia-smi: the machine that runs the tests may have no GPU."""
    path = path_with(tmp_path / "bin", **{"nvidia-smi": 'echo "Tesla T4, 15360 MiB, 580.82.07"'})
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, require_gpu=True)
    output = execute(notebook, tmp_path, PATH=path)
    assert "GPU      Tesla T4, 15360 MiB, 580.82.07\n" in output


def test_a_driver_that_fails_counts_as_no_gpu(blank: Path, tmp_path: Path) -> None:
    path = path_with(tmp_path / "bin", **{"nvidia-smi": 'echo "NVIDIA-SMI has failed"; exit 9'})
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    assert "GPU      none\n" in execute(notebook, tmp_path, PATH=path)


def test_with_a_front_end_drive_is_mounted_and_holds_the_results(blank: Path, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    notebook = cells_before_the_framework(blank, drive)
    set_parameters(notebook, use_drive=True, drive_folder="Colab Notebooks/digits")
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE="works")
    assert f"Mounted at {drive}" in output
    assert results_folder(output) == drive / "MyDrive/Colab Notebooks/digits/outputs/blank"
    assert results_folder(output).is_dir()


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("refused", "MessageError: Error: credential propagation was unsuccessful"),
        ("times out", "ValueError: mount failed: timeout during initial read of root folder"),
    ],
)
def test_a_failed_mount_falls_back_to_local_disk_with_the_reason(
    blank: Path, tmp_path: Path, outcome: str, reason: str
) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, use_drive=True)
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE=outcome)
    assert f"Google Drive was not mounted. {reason}" in output
    assert "wiped when the session ends" in output
    assert results_folder(output) == (tmp_path / "outputs/blank").resolve()


def test_a_drive_that_is_mounted_already_is_not_mounted_again(blank: Path, tmp_path: Path) -> None:
    (tmp_path / "drive/MyDrive").mkdir(parents=True)
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, use_drive=True, drive_folder="digits")
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE="must not be called")
    assert results_folder(output) == tmp_path / "drive/MyDrive/digits/outputs/blank"


def test_a_drive_that_cannot_be_written_falls_back_to_local_disk(blank: Path, tmp_path: Path) -> None:
    (tmp_path / "drive/MyDrive").mkdir(parents=True)
    (tmp_path / "drive/MyDrive/digits").write_text("a file where the folder should be")
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, use_drive=True, drive_folder="digits")
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE="must not be called")
    assert "Google Drive cannot be written: " in output
    assert results_folder(output) == (tmp_path / "outputs/blank").resolve()


def test_with_use_drive_off_drive_is_not_touched(blank: Path, tmp_path: Path) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE="must not be called")
    assert "not asked for" in output


def test_headless_on_a_colab_machine_nothing_waits_for_a_browser(blank: Path, tmp_path: Path) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, use_drive=True)
    output = execute(notebook, tmp_path, COLAB_RELEASE_TAG="release-colab-external_20260819", FAKE_DRIVE="hangs")
    assert "Colab    release-colab-external_20260819\n" in output
    assert "Google Drive needs a Colab tab in a browser" in output
    assert results_folder(output) == (tmp_path / "outputs/blank").resolve()


def test_on_kaggle_the_results_go_to_the_folder_that_it_keeps(blank: Path, tmp_path: Path) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    (tmp_path / "kaggle/working").mkdir(parents=True)
    for cell in notebook.cells:
        cell.source = cell.source.replace("/kaggle/working", str(tmp_path / "kaggle/working"))
    set_parameters(notebook, use_drive=True)
    output = execute(notebook, tmp_path, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    assert "Colab    no, this is Kaggle\n" in output
    assert "Google Drive needs a Colab tab in a browser" in output
    assert "no, this is Kaggle; choose Save Version to keep the results" in output
    assert results_folder(output) == (tmp_path / "kaggle/working/outputs/blank").resolve()


def test_a_drive_folder_with_a_slash_in_front_is_on_drive_nevertheless(blank: Path, tmp_path: Path) -> None:
    (tmp_path / "drive/MyDrive").mkdir(parents=True)
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, use_drive=True, drive_folder="/digits")
    output = execute(notebook, tmp_path, front_end=True, FAKE_DRIVE="must not be called")
    assert results_folder(output) == tmp_path / "drive/MyDrive/digits/outputs/blank"


def test_an_output_dir_given_as_an_absolute_path_is_taken_as_it_is(blank: Path, tmp_path: Path) -> None:
    notebook = cells_before_the_framework(blank, tmp_path / "drive")
    set_parameters(notebook, output_dir=str(tmp_path / "elsewhere"))
    assert results_folder(execute(notebook, tmp_path)) == (tmp_path / "elsewhere").resolve()


def test_a_package_that_cannot_be_installed_stops_the_notebook(bake: Bake, tmp_path: Path) -> None:
    """A failing ``!pip`` would pass in silence."""
    project = bake(preset="blank", extra_pip_packages="no-such-package-of-colab-starter")
    notebook = cells_before_the_framework(project / "notebooks/blank.ipynb", tmp_path / "drive")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="pip could not install no-such-package") as caught:
        execute(notebook, tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", KAGGLE_KERNEL_RUN_TYPE="Batch")
    assert "colab-starter (on Kaggle, first Settings > Turn on internet):" in str(caught.value)


def test_a_core_package_in_another_version_is_refused_and_kept(bake: Bake, tmp_path: Path) -> None:
    before = metadata.version("numpy")
    project = bake(preset="blank", extra_pip_packages="numpy==1.26.0")
    notebook = cells_before_the_framework(project / "notebooks/blank.ipynb", tmp_path / "drive")
    with pytest.raises(nbclient.exceptions.CellExecutionError, match=rf"\(constraint\) numpy=={before}"):
        execute(notebook, tmp_path)
    assert metadata.version("numpy") == before


def test_a_missing_program_is_installed_with_apt_or_named_with_the_command_to_type(bake: Bake, tmp_path: Path) -> None:
    """A stand-in for apt-get: the test must not change the machine."""
    project = bake(preset="blank", extra_apt_packages="no-such-debian-package")
    notebook = cells_before_the_framework(project / "notebooks/blank.ipynb", tmp_path / "drive")
    path = path_with(tmp_path / "bin", **{"dpkg": "exit 1", "apt-get": f'echo "$@" >> {tmp_path}/apt.log'})
    if os.access("/var/lib/dpkg", os.W_OK):
        execute(notebook, tmp_path, PATH=path)
        calls = (tmp_path / "apt.log").read_text()
        assert calls == "--quiet update\n--quiet install --yes --no-install-recommends no-such-debian-package\n"
    else:
        with pytest.raises(nbclient.exceptions.CellExecutionError, match="sudo apt-get install no-such-debian-package"):
            execute(notebook, tmp_path, PATH=path)
