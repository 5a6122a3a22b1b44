"""The command as users meet it. ``test_trials`` has what goes wrong in the kernels and on the disk."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter.run.ledger.journal import JournalFile
from colab_starter.run.ledger.series import read_series
from tests.support.processes import COMMAND

SCRAP = """\
from IPython.display import display
scrap = {"name": "double", "data": n * 2, "encoder": "json", "version": 1}
display({"application/scrapbook.scrap.json+json": scrap}, raw=True)
"""
SEEN = "n = 1\nnames = 'CUDA_VISIBLE_DEVICES OMP_NUM_THREADS'"
FAIL_ONCE = "import os\nif n == 2 and not os.path.exists('seen'):\n    open('seen', 'w').close()\n    1 / 0"

Run = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


@pytest.fixture
def notebook(tmp_path: Path) -> Write:
    """Write a notebook of a parameters cell and other code cells."""

    def write(*cells: str, parameters: str = "n = 1", name: str = "nb.ipynb", **metadata: Any) -> Path:
        tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
        made = v4.new_notebook(cells=[tagged, *map(v4.new_code_cell, cells)], metadata=metadata)
        nbformat.write(made, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Call ``colab-starter run`` in an empty folder, without a terminal."""

    def call(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "run", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **variables},
        )

    return call


def read_table(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def read_ledger(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]


def test_a_grid_is_run_and_the_same_command_again_has_nothing_to_do(notebook: Write, run: Run, tmp_path: Path) -> None:
    path = notebook(SCRAP, parameters="n = 1\noutput_dir = 'x'")
    result = run(path, "-p", "n=3,1,2")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "3 ok; runs/nb/results.csv has the details"
    out = tmp_path / "runs/nb"
    rows = read_table(out)
    assert [(row["n"], row["double"], row["status"]) for row in rows] == [
        ("3", "6", "ok"),
        ("1", "2", "ok"),
        ("2", "4", "ok"),
    ]
    for row in rows:
        executed = nbformat.read(out / row["notebook"], as_version=4)
        assert executed.metadata.papermill.parameters.output_dir == str(out / row["run"] / "output")
    names = {path.name for path in out.iterdir()}
    assert names == {
        "ledger.jsonl",
        "results.csv",
        ".lock",
        *(row["run"] for row in rows),
        *glob(out, "source-*.ipynb"),
    }
    before = read_ledger(out)
    again = run(path, "-p", "n=2,1,3,3")
    assert again.returncode == 0
    assert again.stdout.splitlines()[:2] == ["1 run asked for twice: done only once", "3 of 3 runs already done"]
    assert read_ledger(out) == before
    assert [row["n"] for row in read_table(out)] == ["2", "1", "3"]


def glob(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.glob(pattern)]


def test_failed_runs_stay_until_they_are_to_be_tried_again(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    path = notebook(FAIL_ONCE)
    result = sweep_here(path, "-p", "n=1,2")
    assert result.returncode == 1
    assert "ZeroDivisionError: division by zero (cell In[3], line 4)" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 run not ok: the same command with --retry-failed tries again"
    again = sweep_here(path, "-p", "n=1,2")
    assert again.returncode == 1
    assert "started" not in again.stdout
    assert sweep_here(path, "-p", "n=1,2", "--retry-failed").returncode == 0
    assert [(row["status"], row["attempts"]) for row in read_table(tmp_path / "runs/nb")] == [("ok", "1"), ("ok", "2")]


def test_retries_and_json_lines(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    result = sweep_here(notebook(FAIL_ONCE, SCRAP), "-p", "n=2,5", "--retries", "2", "--json", "-j", "1")
    assert result.returncode == 0
    events = [json.loads(line) for line in result.stdout.splitlines()]
    ends = [(event["status"], event["again"], event["metrics"]) for event in events if event["event"] == "ended"]
    assert ends == [("failed", True, {}), ("ok", False, {"double": 10}), ("ok", False, {"double": 4})]
    assert events[0]["event"] == "started"
    assert events[0]["parameters"] == {"n": 2}
    assert events[-1] == {"event": "finished", "counts": {"ok": 2}, "results": str(tmp_path / "runs/nb/results.csv")}
    assert "cell" in {event["event"] for event in events}


def test_an_edited_notebook_has_other_runs_and_the_older_ones_stay(
    notebook: Write, sweep_here: Run, tmp_path: Path
) -> None:
    assert sweep_here(notebook("print(n)")).returncode == 0
    result = sweep_here(notebook("print(n + 1)"))
    assert result.returncode == 0
    assert "1 run in nb of an older version of the notebook: left as they are" in result.stdout
    assert len(glob(tmp_path / "runs/nb", "defaults-*")) == 2
    assert len(glob(tmp_path / "runs/nb", "source-*.ipynb")) == 2


def test_a_dry_run_shows_what_would_be_done_and_writes_nothing(
    notebook: Write, sweep_here: Run, tmp_path: Path
) -> None:
    path = notebook("print(n)")
    result = sweep_here(path, "-p", "n=1,2", "--dry-run")
    assert result.returncode == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()[:2]] == [["to", "do"], ["to", "do"]]
    assert not (tmp_path / "runs").exists()
    assert sweep_here(path, "-p", "n=2").returncode == 0
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*")}
    result = sweep_here(path, "-p", "n=1,2", "--dry-run", "--json")
    planned = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["parameters"], one["status"], one["to_do"]) for one in planned] == [
        ({"n": 1}, "pending", True),
        ({"n": 2}, "ok", False),
    ]
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "runs").rglob("*")} == before


def test_a_secret_that_is_not_set_is_told(notebook: Write, run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET_HERE", "hush-hush-hush")
    path = notebook("print(n)", parameters="n = 1\nkey = ''")
    secrets = [part for name in ("SET_HERE", "NOT_SET", "key") for part in ("--secret", name)]
    result = run_here(path, "-p", "key=abc", *secrets, "--dry-run")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "colab-starter: warning: --secret NOT_SET: no environment variable of that name is set, "
        "so there is nothing to mask"
    ]


def test_a_gpu_that_the_machine_has_not_is_told_of(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    driver = tmp_path / "bin/nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA T4 (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)'\n")
    driver.chmod(0o755)
    path = f"{driver.parent}{os.pathsep}{os.environ['PATH']}"
    for gpus, absent in (("0", False), ("0,7", True)):
        result = sweep_here(notebook("print(n)"), "--gpus", gpus, "--out", f"out{gpus}", PATH=path)
        assert result.returncode == 0, result.stderr
        assert (f"--gpus {gpus}: the driver knows no GPU 7 on this machine" in result.stdout) is absent


def test_a_table_that_goes_to_a_pipe_is_neither_cut_nor_folded(notebook: Write, run: Run) -> None:
    name = "a_metric_with_quite_a_long_name"
    record = SCRAP.replace('"double"', f'f"{name}_{{number}}"').replace("\ndisplay(", "\n    display(")
    record = record.replace("scrap =", "for number in range(9):\n    scrap =")
    words = " ".join(f"word{number}" for number in range(20))
    result = run(notebook(record, f"assert n < 2, '{words}'"), "-p", "n=1,2", "--out", "out", COLUMNS="40")
    head, *rows = result.stdout.splitlines()[-5:-2]
    assert head.split() == ["n", "status", *(f"{name}_{number}" for number in range(9)), "time", "cause"]
    assert [row.split()[:2] for row in rows] == [["1", "ok"], ["2", "failed"]]
    assert words in rows[1]


def test_the_parameters_of_a_notebook_are_listed(notebook: Write, run_here: Run) -> None:
    result = run_here(notebook(parameters="lr = 0.1  # learning rate\nname: str = 'x'"), "--parameters")
    assert result.returncode == 0
    assert re.search(r"lr +float +0\.1 +learning rate", result.stdout)


def test_a_quiet_run_of_declared_gpus_in_a_folder_of_its_own(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    """Also: what a run sees of the machine, and where it works."""
    (tmp_path / "work").mkdir()
    path = notebook(
        "import os", "for name in names.split():\n    print(os.environ.get(name), os.getcwd())", parameters=SEEN
    )
    result = sweep_here(path, "-p", "n=1,2", "--gpus", "4,5", "--cwd", "work", "--out", "there", "-j", "2", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    printed = set()
    for row in read_table(tmp_path / "there"):
        executed = nbformat.read(tmp_path / "there" / row["notebook"], as_version=4)
        gpus, threads = executed.cells[-1].outputs[0].text.splitlines()
        printed |= {gpus, threads}
    cores = max(1, len(os.sched_getaffinity(0)) // 2)
    work = tmp_path / "work"
    assert printed == {f"4 {work}", f"5 {work}", f"{cores} {work}"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metric", "acc=[0-9]+"], "--metric 'acc=[0-9]+' has no group; put the number in brackets"),
        (["--metric", "acc=("], "--metric 'acc=(' is not a regular expression (missing ), unterminated subpattern"),
        (["--timeout", "soon"], "--timeout 'soon' is not a duration; write 30, 90s, 10m or 2h"),
        (["--cell-timeout", "0"], "--cell-timeout '0' is not a duration"),
        (["--gpus-per-run", "1.5"], "--gpus-per-run '1.5' is not a number of GPUs"),
        (["--gpus", "0", "--gpus-per-run", "2"], "--gpus-per-run 2 is more than the 1 that there are"),
        (["-j", "0"], "--jobs"),
        (["--kernel", "nonsense"], "there is no kernel 'nonsense'; installed: "),
        (["--out", "nb.ipynb"], "nb.ipynb is a file; choose a folder with --out"),
        (["--cwd", "nowhere"], "--cwd nowhere is not a folder"),
        (["--sweep", "none.yaml"], "none.yaml"),
        (["--backend", "kubernetes"], "kubernetes"),
    ],
)
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["run", "dry-run"])
def test_wrong_usage_is_one_line_and_starts_nothing_nor_passes_a_dry_run(
    notebook: Write, run_here: Run, tmp_path: Path, arguments: list[str], dry: list[str], said: str
) -> None:
    notebook("print(n)")
    result = run_here("nb.ipynb", *arguments, *dry)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [(".", "is a folder"), ("none.ipynb", "does not exist"), ("a.ipynb", "without a notebook's cells")],
)
def test_what_is_no_notebook_is_one_line(run_here: Run, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "a.ipynb").write_text('{"a": 1}')
    result = run_here(name)
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_a_ledger_that_cannot_be_read_is_one_line(notebook: Write, run_here: Run, tmp_path: Path) -> None:
    (tmp_path / "runs/nb/ledger.jsonl").mkdir(parents=True)
    for arguments in ([], ["--dry-run"]):
        result = run_here(notebook("print(n)"), *arguments)
        assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
        assert "cannot be read and written (it is not a file)" in result.stderr


def test_the_table_has_the_runs_of_all_commands_and_says_so(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    path = notebook(SCRAP, parameters="n = 1\nepochs = 5")
    assert sweep_here(path, "-p", "n=1,2").returncode == 0
    result = sweep_here(path, "-p", "n=2")
    told = result.stdout.splitlines()[-1]
    assert told == "1 ok; runs/nb/results.csv has the details, with 1 other run of this folder"
    assert sweep_here(notebook(SCRAP, parameters="n = 1\nepochs = 2"), "-p", "n=2").returncode == 0
    rows = read_table(tmp_path / "runs/nb")
    assert [(row["n"], row["epochs"], row["double"]) for row in rows] == [
        ("2", "2", "4"),
        ("1", "5", "2"),
        ("2", "5", "4"),
    ]
    versions = [row["notebook_version"] for row in rows]
    assert versions[0] != versions[1] == versions[2]
    assert {f"source-{version}.ipynb" for version in versions} == set(glob(tmp_path / "runs/nb", "source-*.ipynb"))


def test_a_table_that_could_not_be_written_is_not_said_to_have_it_all(
    notebook: Write, sweep_here: Run, tmp_path: Path
) -> None:
    (tmp_path / "runs/nb/results.csv").mkdir(parents=True)
    result = sweep_here(notebook("print(n)"), "--json")
    assert "results.csv could not be written" in result.stderr
    assert "has the details" not in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["results"] is None


HELP = """\
import sys
from colab_starter import cli
sys.argv = ["colab-starter", "run", "--help"]
try:
    cli.main()
finally:
    print({"rich", "zmq", "jupyter_client", "nbformat"} & set(sys.modules))
"""


def test_the_help_has_examples_and_loads_nothing_heavy() -> None:
    result = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert "colab-starter run notebooks/keras.ipynb -p epochs=1,2" in result.stdout
    assert result.stdout.splitlines()[-1] == "set()"


def test_the_executed_notebook_has_the_paths_as_they_were_typed(
    notebook: Write, sweep_here: Run, tmp_path: Path
) -> None:
    notebook("print(n)")
    (tmp_path / "inner").mkdir()
    typed = {"nb.ipynb": "inner/../out/", f"{tmp_path}/nb.ipynb": f"{tmp_path}/elsewhere"}
    for path, out in typed.items():
        assert sweep_here(path, "--out", out, "-q").returncode == 0
        (made,) = Path(tmp_path, out).glob("*/nb.ipynb")
        told = json.loads(made.read_text())["metadata"]["papermill"]
        expected = f"{out.rstrip('/')}/{made.parent.name}/nb.ipynb"
        assert (told["input_path"], told["output_path"]) == (path, expected)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "n=hunter2-hunter2"],
        ["-p", "n='hunter2-hunter2"],
        ["-p", "m=hunter2-hunter2"],
        ["-p", f"n=[{'1, ' * 16}hunter2-hunter2"],
        ["--sweep", "hunter2-hunter2.yaml"],
        ["--backend", "hunter2-hunter2"],
        ["hunter2-hunter2"],
        ["--out", "s3://me:hunter3-hunter3@bucket/x", "--cwd", "hunter2-hunter2"],
        ["-p", "api_key='hunter3-hunter3"],
    ],
)
def test_no_error_line_shows_a_secret(notebook: Write, run_here: Run, arguments: list[str]) -> None:
    result = run_here(notebook("n"), *arguments, SOME_TOKEN="hunter2-hunter2")
    assert result.returncode == 2
    assert result.stderr.startswith("colab-starter: ")
    assert not re.search("hunter[23]-?h?", result.stdout + result.stderr), result.stderr


def test_a_notebook_that_holds_a_secret_itself_is_named(notebook: Write, sweep_here: Run) -> None:
    said = sweep_here(notebook("token = 'hunter2-hunter2'"), "--out", "out", "-q", SOME_TOKEN="hunter2-hunter2").stderr
    assert "nb.ipynb itself holds the value of SOME_TOKEN, and so does the copy of it in " in said
    assert "hunter2" not in said


@pytest.mark.parametrize("name", ["results.csv", "ledger.jsonl", ".lock"])
def test_a_link_among_the_files_of_a_sweep_is_not_written_through(
    notebook: Write, sweep_here: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "out" / name).symlink_to(tmp_path / "victim")
    result = sweep_here(notebook("print(n)"), "--out", "out", "-q")
    assert (tmp_path / "victim").read_text() == "kept"
    if name == "results.csv":
        assert result.returncode == 0
        assert not (tmp_path / "out/results.csv").is_symlink()
    else:
        assert result.returncode != 0
        assert f"{name} is a link, which is not followed; remove it" in result.stderr


def test_a_run_whose_folder_is_a_link_is_not_executed(notebook: Write, sweep_here: Run, tmp_path: Path) -> None:
    path = notebook("open('ran', 'w')")
    assert sweep_here(path, "--out", "out", "-q").returncode == 0
    (made,) = (tmp_path / "out").glob("defaults-*")
    (tmp_path / "ran").unlink()
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").mkdir()
    made.symlink_to(tmp_path / "victim")
    result = sweep_here(path, "--out", "out")
    assert "is a link, which is not followed; remove it" in result.stdout
    assert not list((tmp_path / "victim").iterdir())
    assert not (tmp_path / "ran").exists()


def test_metrics_with_steps_come_from_scraps_and_lines_into_the_folder(
    notebook: Write, sweep_here: Run, tmp_path: Path
) -> None:
    cell = """\
from IPython.display import display
for step in range(1, 4):
    scrap = {"name": "accuracy", "data": n * step, "step": step}
    display({"application/scrapbook.scrap.json+json": scrap}, raw=True)
    print(f"epoch {step}: val_loss {1 / step:.2f}")
    print(f"it went {step * 10} far")
"""
    path = notebook(cell)
    result = sweep_here(path, "-p", "n=1,2", "--out", "out", "--metric", "went ([0-9]+)", "--json")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["step"] for line in lines if line["event"] == "metric"} <= {1, 2, 3}
    second = read_table(tmp_path / "out")[1]
    assert (second["accuracy"], second["accuracy.best"], second["accuracy.best_step"]) == ("6", "6", "3")
    assert (second["val_loss"], second["val_loss.best"], second["went"]) == ("0.33", "0.33", "30")
    series = read_series(JournalFile(tmp_path / "out/metrics.jsonl").read())
    assert series[second["run"]] == {
        "accuracy": [(1, 2), (2, 4), (3, 6)],
        "val_loss": [(1, 1), (2, 0.5), (3, 0.33)],
        "went": [(1, 10), (2, 20), (3, 30)],
    }
    assert len(series) == 2
