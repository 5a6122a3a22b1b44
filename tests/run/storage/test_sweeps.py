"""``colab-starter run --out s3://...``: the command on a real S3 endpoint."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from colab_starter import cli
from colab_starter.errors import LedgerWriteError
from colab_starter.run import coordinator
from colab_starter.run.batch import Options
from colab_starter.run.ledger.series import read_series
from colab_starter.run.storage import objects as objects_module
from colab_starter.run.storage.journal import read_lines
from colab_starter.run.storage.objects import Objects
from tests.run.conftest import Run
from tests.run.storage.rig import BUCKET, FaultyEndpoint, answer_500, be_slow, cut, lose_answer
from tests.support.processes import COMMAND, read_until, wait_until

OUT = f"s3://{BUCKET}/lr"
SCRAP = """\
from IPython.display import display
scrap = {"name": "double", "data": n * 2, "encoder": "json", "version": 1}
display({"application/scrapbook.scrap.json+json": scrap}, raw=True)
"""
WRITE = """\
import os
os.makedirs(output_dir + "/deep", exist_ok=True)
with open(output_dir + "/deep/weights.bin", "wb") as file:
    file.write(bytes([n]) * 300_000)
"""
NOTE = """\
import os, time
time.sleep(0.1)
handle = os.open("executed.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(handle, f"{n}\\n".encode())
"""
_OF_THIS_RUN = ("seconds", "peak_memory_mb", "host", "started", "ended")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write(tmp_path, SCRAP, WRITE, NOTE)


def write(folder: Path, *cells: str) -> Path:
    tagged = v4.new_code_cell("n = 1\noutput_dir = 'x'", metadata={"tags": ["parameters"]})
    made = v4.new_notebook(cells=[tagged, *map(v4.new_code_cell, cells)])
    nbformat.write(made, folder / "nb.ipynb")
    return folder / "nb.ipynb"


def start(notebook: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [COMMAND, "run", str(notebook), *arguments],
        cwd=notebook.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_batch(notebook: Path, *values: int, **options: Any) -> int:
    """Without the command around it."""
    given = {"out": OUT, "jobs": 2, "quiet": True, **options}
    return coordinator.run_batch(Options(notebook, [f"n={','.join(map(str, values))}"], **given))


def read_table(content: bytes) -> list[dict[str, str]]:
    """What does not depend on when and where the runs were executed."""
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    return [{name: value for name, value in row.items() if name not in _OF_THIS_RUN} for row in rows]


def read_records(objects: Objects) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_lines(objects)]


def list_scratch() -> list[str]:
    """What sweeps left on this machine."""
    return [path.name for path in Path(os.environ["TMPDIR"]).rglob("*") if path.is_file()]


def test_a_sweep_in_a_store_is_as_one_on_the_disk(
    s3: FaultyEndpoint, notebook: Path, run_here: Run, tmp_path: Path
) -> None:
    assert run_here(notebook, "-p", "n=1,2,3", "--out", "here").returncode == 0
    result = run_here(notebook, "-p", "n=1,2,3", "--out", OUT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"3 ok; {OUT}/results.csv has the details"
    objects = Objects(OUT)
    rows = read_table(objects.read("results.csv"))
    assert rows == read_table((tmp_path / "here/results.csv").read_bytes())
    assert [row["double"] for row in rows] == ["2", "4", "6"]
    for row in rows:
        executed = nbformat.reads(objects.read(row["notebook"]).decode(), as_version=4)
        nbformat.validate(executed)
        assert executed.metadata.colab_starter.status == "ok"
        assert executed.metadata.papermill.output_path == f"{OUT}/{row['notebook']}"
        assert objects.read(f"{row['run']}/output/deep/weights.bin") == bytes([int(row["n"])]) * 300_000
    found = {re.sub(r"source-\w{8}", "source", name.split("/")[0]) for name in objects.list()}
    rest = {".lock", "ledger", "ledger.jsonl", "results.csv", "source.ipynb"}
    assert found == {*(row["run"] for row in rows), *rest}
    assert list_scratch() == [".lock"]
    again = run_here(notebook, "-p", "n=1,2,3", "--out", OUT)
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "3 of 3 runs already done")


def test_a_sweep_in_memory_and_its_values_with_steps_last_as_long_as_the_process(
    s3: FaultyEndpoint, tmp_path: Path
) -> None:
    notebook = write(tmp_path, "for step in range(3): print(f'epoch {step}: loss {n / 10}')")
    assert run_batch(notebook, 1, 2, out="memory://series") == 0
    objects = Objects("memory://series")
    series = read_series(objects.read("metrics.jsonl").splitlines())
    values = sorted(tuple(found["loss"]) for found in series.values())
    assert values == [tuple((step, loss) for step in range(3)) for loss in (0.1, 0.2)]
    rows = read_table(objects.read("results.csv"))
    assert [(row["status"], row["loss.best"]) for row in rows] == [("ok", "0.1"), ("ok", "0.2")]
    assert run_batch(notebook, 1, 2, out="memory://series") == 0  # whose folders are no runs
    objects.remove(list(objects.list()))


def test_a_dry_run_writes_nothing(s3: FaultyEndpoint, notebook: Path, run_here: Run) -> None:
    result = run_here(notebook, "-p", "n=1", "--out", OUT, "--dry-run")
    assert result.stdout.splitlines()[-1] == f"1 run, 1 to do, in {OUT}"
    assert Objects(OUT).list() == {}


def test_a_bucket_that_does_not_exist_is_one_line(s3: FaultyEndpoint, notebook: Path, run_here: Run) -> None:
    result = run_here(notebook, "--out", "s3://not-there/lr")
    assert (result.returncode, result.stderr) == (
        2,
        "colab-starter: s3://not-there/lr cannot be read and written (The specified bucket does not exist); "
        "fix that, or choose another --out\n",
    )


def test_faults_that_pass_change_nothing(s3: FaultyEndpoint, notebook: Path) -> None:
    for fault, part in ((answer_500, "ledger"), (lose_answer, "ledger"), (cut, "weights.bin"), (cut, "nb.ipynb")):
        s3.fail("PUT", part, fault)
    s3.fail("PUT", ".lock", lose_answer)
    s3.fail("PUT", "weights.bin", be_slow, times=2)
    s3.fail("GET", BUCKET, answer_500)
    assert run_batch(notebook, 1, 2, 3) == 0
    assert not [rule for rule in s3.rules if rule.times]
    objects = Objects(OUT)
    for row in read_table(objects.read("results.csv")):
        assert objects.read(f"{row['run']}/output/deep/weights.bin") == bytes([int(row["n"])]) * 300_000


def test_what_could_not_be_published_is_published_by_the_next_command(
    s3: FaultyEndpoint, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(OUT)
    with monkeypatch.context() as impatient:
        impatient.setattr(objects_module, "PATIENCE", 0.2)
        s3.fail("PUT", "n=2-", cut, times=1000)
        assert run_batch(notebook, 1, 2) == 1
    first, second = read_table(objects.read("results.csv"))
    assert (first["status"], second["status"]) == ("ok", "failed")
    assert second["cause"].startswith(f"could not be published to {OUT} (")
    assert not [name for name in objects.list() if name.startswith("n=2-")]
    s3.rules.clear()
    assert run_batch(notebook, 1, 2) == 0
    assert [row["status"] for row in read_table(objects.read("results.csv"))] == ["ok", "ok"]
    assert (notebook.parent / "executed.txt").read_text().splitlines().count("2") == 1
    assert list_scratch() == [".lock"]


def test_a_store_that_is_lost_ends_the_sweep_and_the_next_one_goes_on(
    s3: FaultyEndpoint, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:
        impatient.setattr(objects_module, "PATIENCE", 0.2)
        s3.fail("PUT", "00000005.json", answer_500, times=1000)
        with pytest.raises(LedgerWriteError, match=r"lr/ledger cannot be written"):
            run_batch(notebook, *range(6))
    s3.rules.clear()
    assert run_batch(notebook, *range(6)) == 0
    assert Counter(row["status"] for row in read_table(Objects(OUT).read("results.csv"))) == {"ok": 6}


def lose_ledger(objects: Objects) -> None:
    objects.remove([name for name in objects.list() if name.startswith("ledger")])


def count_executed(notebook: Path) -> Counter[str]:
    return Counter((notebook.parent / "executed.txt").read_text().split())


def test_the_report_is_put_beside_the_runs_which_are_found_too_if_their_ledger_is_lost(
    s3: FaultyEndpoint, notebook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_batch(notebook, 1, 2) == 0
    assert cli.run_command(["report", OUT], debug=False) == 0
    assert re.fullmatch(rf"{OUT}/report\.html \(2 runs, [\d.]+ MB\)\n", capsys.readouterr().out)
    objects = Objects(OUT)
    page = objects.read("report.html").decode()
    pages = [name for name in objects.list() if name.endswith("/nb.html")]
    assert len(pages) == 2
    assert f'"{pages[0].replace("=", "%3D")}"' in page
    assert OUT in page
    before = objects.list()[pages[0]]
    lose_ledger(objects)
    assert cli.run_command(["report", OUT, "-o", str(tmp_path / "page.html")], debug=False) == 0
    assert "(2 runs, " in capsys.readouterr().out
    assert "nb.html" not in re.sub(r"<script>.*?</script>", "", (tmp_path / "page.html").read_text(), flags=re.DOTALL)
    assert objects.list()[pages[0]] == before
    assert not read_records(objects)
    assert cli.run_command(["report", f"s3://{BUCKET}/none"], debug=False) == 2
    assert "contains no runs" in capsys.readouterr().err

    assert run_batch(notebook, 1, 2) == 0
    assert count_executed(notebook) == {"1": 1, "2": 1}
    rows = read_table(objects.read("results.csv"))
    assert [(row["n"], row["status"], row["double"]) for row in rows] == [("1", "ok", "2"), ("2", "ok", "4")]


def test_what_was_finished_but_not_published_is_found_though_the_ledger_is_lost(
    s3: FaultyEndpoint, notebook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(OUT)
    with monkeypatch.context() as impatient:
        impatient.setattr(objects_module, "PATIENCE", 0.2)
        s3.fail("PUT", "n=2-", cut, times=1000)
        assert run_batch(notebook, 1, 2) == 1
    s3.rules.clear()
    lose_ledger(objects)
    assert run_batch(notebook, 1, 2) == 0
    assert count_executed(notebook) == {"1": 1, "2": 1}
    assert [row["status"] for row in read_table(objects.read("results.csv"))] == ["ok", "ok"]


def test_the_table_has_the_runs_of_all_commands_and_a_run_whose_folder_is_gone_is_done_again(
    s3: FaultyEndpoint, notebook: Path
) -> None:
    assert run_batch(notebook, 1, 2) == 0
    assert run_batch(notebook, 3) == 0
    objects = Objects(OUT)
    assert [row["n"] for row in read_table(objects.read("results.csv"))] == ["3", "1", "2"]
    objects.remove([name for name in objects.list() if name.startswith("n=1-")])
    assert run_batch(notebook, 1, 2) == 0
    assert count_executed(notebook) == {"1": 2, "2": 1, "3": 1}


def test_of_two_coordinators_one_is_refused(s3: FaultyEndpoint, notebook: Path) -> None:
    waits = write(notebook.parent, "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.05)")
    both = [start(waits, "-p", "n=1,2,3,4,5,6", "--out", OUT, "-q") for _ in range(2)]
    wait_until(lambda: any(process.poll() is not None for process in both))
    (notebook.parent / "go").touch()
    ended = [(process.communicate(timeout=300)[1], process.returncode) for process in both]
    assert sorted(code for _, code in ended) == [0, 1]
    refused = next(text for text, code in ended if code)
    assert re.fullmatch(rf"colab-starter: {OUT} is being worked on by process \d+ on .*\n", refused)
    assert Counter(record["record"] for record in read_records(Objects(OUT))) == {"sweep": 1, "start": 6, "end": 6}


@pytest.mark.slow
def test_nothing_is_lost_or_done_twice_when_the_coordinator_is_killed(
    s3: FaultyEndpoint, notebook: Path, run_here: Run
) -> None:
    arguments = ("-p", f"n={','.join(map(str, range(10)))}", "--out", OUT, "--json", "-j", "2")
    objects = Objects(OUT)
    for ends in (1, 2, 3):
        done = find_done(objects)
        process = start(notebook, *arguments)
        assert process.stdout
        for _ in range(ends):
            read_until(process.stdout, lambda line: json.loads(line)["event"] == "ended")
        time.sleep(0.03 * len(done))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)
        assert done <= find_done(objects)
    assert run_here(notebook, *arguments).returncode == 0
    records = read_records(objects)
    ends_ok = Counter(record["run"] for record in records if record.get("status") == "ok")
    assert (len(ends_ok), set(ends_ok.values())) == (10, {1})
    for number, record in enumerate(records):
        assert record["record"] != "start" or record["run"] not in find_ok(records[:number])
    rows = read_table(objects.read("results.csv"))
    assert [row["status"] for row in rows] == ["ok"] * 10
    for row in rows:
        assert json.loads(objects.read(row["notebook"]))["metadata"]["colab_starter"]["attempt"] == int(row["attempts"])
        assert len(objects.read(f"{row['run']}/output/deep/weights.bin")) == 300_000


def find_ok(records: list[dict[str, Any]]) -> set[str]:
    return {record["run"] for record in records if record.get("status") == "ok"}


def find_done(objects: Objects) -> set[str]:
    return find_ok(read_records(objects))
