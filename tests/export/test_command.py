"""The command ``colab-starter export``: what it reads, what it refuses, and what it leaves alone."""

from pathlib import Path

import pytest

from colab_starter.export.sweep import read_exported
from colab_starter.run.ledger.series import FILE_NAME
from colab_starter.run.storage.objects import Objects
from colab_starter.run.storage.store import LocalStore
from tests.export.conftest import Export
from tests.export.sweeps import Sample, SampleSweep, end, rise, sample_sweep, write_points

RUN = "a-000000000000"


def read_content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_sweep_is_read_and_not_changed(tmp_path: Path, export: Export) -> None:
    folder = sample_sweep().write(tmp_path / "keras")
    before = read_content(folder)
    assert export(folder, "--to", "csv", "-o", tmp_path / "out.csv").status == 0
    assert read_content(folder) == before


@pytest.mark.parametrize("make", [True, False], ids=["an empty folder", "no folder"])
def test_a_folder_without_runs_is_one_line(tmp_path: Path, export: Export, make: bool) -> None:
    folder = tmp_path / "nothing"
    if make:
        folder.mkdir()
    answer = export(folder, "--to", "csv")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == (
        f"colab-starter: {folder} contains no runs; give the folder that colab-starter run wrote, such as runs/keras\n"
    )
    assert not list(tmp_path.rglob("*.csv"))


def test_a_sweep_of_which_no_run_has_started_is_one_line(tmp_path: Path, export: Export) -> None:
    folder = SampleSweep([]).write(tmp_path)
    answer = export(folder, "--to", "csv")
    assert answer.err == f"colab-starter: {folder}: no run has started yet; there is nothing to export\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "tensorbord"], "--to tensorbord is not known; give tensorboard"),
        (["--to", "xyz"], "--to xyz is not known; give csv, tensorboard, mlflow, optuna"),
        (["--to", "csv", "--maximize", "a"], "--maximize and --minimize are for --to optuna only; leave them out"),
        (["--to", "csv", "--artifacts"], "--artifacts is for --to mlflow only; leave it out"),
        (["--to", "csv", "-o", "s3://b/x.csv"], "-o s3://b/x.csv is not on this machine; give a path"),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, export: Export, arguments: list[str], message: str) -> None:
    answer = export(sample_sweep().write(tmp_path), *arguments)
    assert (answer.status, answer.err) == (2, f"colab-starter: {message}\n")


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path, export: Export) -> None:
    (tmp_path / "file").write_text("")
    answer = export(tmp_path / "file", "--to", "csv")
    assert answer.status == 2
    assert "cannot be read (Not a directory); give the folder that colab-starter run wrote\n" in answer.err


def test_only_the_points_of_the_last_attempt_count(tmp_path: Path) -> None:
    folder = SampleSweep([Sample(RUN, {}, end(), rise(0.5), attempt=2)]).write(tmp_path)
    write_points(folder, RUN, 1, rise(0.1, 0.2))
    write_points(folder, "b-000000000000", 2, rise(0.1))
    [run] = read_exported(LocalStore(folder)).runs
    assert [(step, value) for step, value, _ in run.series["accuracy"]] == [(1, 0.5)]


def test_the_torn_line_of_a_running_sweep_is_passed_over(tmp_path: Path) -> None:
    folder = SampleSweep([Sample(RUN, {}, None, rise(0.5, 0.6))]).write(tmp_path)
    content = (folder / FILE_NAME).read_bytes()
    for cut in range(len(content) // 2 + 1, len(content), 7):
        (folder / FILE_NAME).write_bytes(content[:cut])
        [run] = read_exported(LocalStore(folder)).runs
        assert [value for _, value, _ in run.series["accuracy"]] == [0.5]


def test_a_secret_in_the_defaults_of_the_notebook_is_masked(
    tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijklmnop")
    folder = sample_sweep().write(tmp_path)
    [source] = folder.glob("source-*.ipynb")
    source.write_text(source.read_text().replace("'adam'", "'hf_abcdefghijklmnop'"))
    export(folder, "--to", "csv")
    export(folder, "--to", "tensorboard")
    made = [folder / "metrics.csv", *(path for path in (folder / "tensorboard").rglob("*") if path.is_file())]
    for path in made:
        assert b"hf_abc" not in path.read_bytes()
        assert b"***" in path.read_bytes()


def test_a_sweep_in_a_store_gets_its_export_beside_the_runs(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path / "keras")
    address = f"memory://export-{tmp_path.name}/keras"
    objects = Objects(address)
    objects.put({path: folder / path for path in read_content(folder)})
    answer = export(address, "--to", "csv")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith(f"{address}/metrics.csv (6 runs, 12 values)\n")
    assert len(objects.read("metrics.csv").splitlines()) == 13
    answer = export(address, "--to", "tensorboard")
    assert answer.out.endswith(f"\ntensorboard --logdir {address}/tensorboard\n")
    assert {name.split("/")[1] for name in objects.list("tensorboard")} == {run.id for run in sample.runs}


def test_runs_have_the_defaults_of_the_parameters_that_they_did_not_set(tmp_path: Path) -> None:
    sweep = read_exported(LocalStore(sample_sweep().write(tmp_path / "keras")))
    assert (sweep.name, sweep.notebook) == ("keras", "keras.ipynb")
    assert sweep.runs[0].parameters == {"learning_rate": 0.1, "units": 16, "optimizer": "adam"}
