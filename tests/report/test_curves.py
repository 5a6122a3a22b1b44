"""Which curves a report has, and how they come into the page."""

import base64
import json
import math
import re
import struct
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from colab_starter.report import curves as module
from colab_starter.report.build import build_report
from colab_starter.report.curves import Curves, gather_curves, pack_curves, read_history
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome, Status
from tests.report.sweeps import SEARCH, SampleRun, searched_sweep, write_sweep

Told = dict[str, dict[int, list[tuple[float, float]]]]


def make_run(number: int, **metrics: Any) -> RunRecord:
    return RunRecord(f"run-{number}", 1, {}, "0", f"run-{number}/nb.ipynb", "", Outcome(Status.OK, metrics=metrics))


def tell(curves: Curves) -> Told:
    """The points of each run, by the metric."""
    return {
        one.name: {
            run: [*zip(steps, values, strict=True)]
            for run, steps, values in zip(one.runs, one.steps, one.values, strict=True)
        }
        for one in curves.sets
    }


def unpack(packed: Mapping[str, Any]) -> dict[int, list[tuple[float, float]]]:
    """What the page reads, by the run."""
    kinds = {"runs": "I", "lengths": "I", "starts": "I", "steps": "d", "values": "f"}
    numbers = {}
    for name, kind in kinds.items():
        content = base64.b64decode(packed[name])
        numbers[name] = struct.unpack(f"<{len(content) // struct.calcsize(kind)}{kind}", content)
    found, offset = {}, 0
    for run, length, start in zip(numbers["runs"], numbers["lengths"], numbers["starts"], strict=True):
        steps, values = numbers["steps"][start : start + length], numbers["values"][offset : offset + length]
        found[run] = [*zip(steps, values, strict=True)]
        offset += length
    return found


def test_a_run_has_its_series_and_its_lists() -> None:
    runs = [make_run(0, losses=[0.5, 0.25]), make_run(1), make_run(2, test={"loss": [3, 2, 1]})]
    series = {"run-1": {"acc": [(10.0, 0.5), (20.0, 0.75)]}, "run-2": {"acc": [(10.0, 0.25)]}}
    assert tell(gather_curves(runs, series)) == {
        "losses": {0: [(1, 0.5), (2, 0.25)]},
        "acc": {1: [(10, 0.5), (20, 0.75)], 2: [(10, 0.25)]},
        "test.loss": {2: [(1, 3), (2, 2), (3, 1)]},
    }


def test_steps_that_do_not_rise_are_put_in_order() -> None:
    points = [(3.0, 0.3), (1.0, 0.1), (2.0, 0.2), (2.0, 0.25)]
    [curves] = gather_curves([make_run(0)], {"run-0": {"acc": points}}).sets
    assert [*zip(curves.steps[0], curves.values[0], strict=True)] == [(1, 0.1), (2, 0.2), (2, 0.25), (3, 0.3)]


HISTORIES: dict[str, dict[str, list[tuple[float, float]]]] = {
    "epoch,loss,lr\n0,0.5,fast\n1,0.25,fast\n": {"loss": [(0, 0.5), (1, 0.25)]},
    "\ufeffEpoch, Loss \n1,2\n3,4\n": {"Loss": [(1, 2), (3, 4)]},
    "loss\n3\n2\n": {"loss": [(1, 3), (2, 2)]},
    "step,epoch,loss\n10,0,1\n20,0,nan\n": {"loss": [(10, 1), (20, math.nan)]},
    "epoch,loss,val_loss\n0,3,\n1,2,5\n1,1,4\n": {"loss": [(0, 3), (1, 1)], "val_loss": [(1, 4)]},
    "epoch,loss\n0,1\nbroken\n2\n": {"loss": [(0, 1)]},
    "epoch\n1\n2\n": {},
    "": {},
    "name,what\na,b\n": {},
}


@pytest.mark.parametrize("content", HISTORIES)
def test_a_history_file_is_read_by_its_header(content: str, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(content, encoding="utf-8")
    assert repr(read_history(tmp_path / "history.csv")) == repr(
        {name: [(float(step), float(value)) for step, value in points] for name, points in HISTORIES[content].items()}
    )


def test_a_history_file_counts_only_where_nothing_else_is_known(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"run-{number}" / "output").mkdir(parents=True)
        (tmp_path / f"run-{number}" / "output" / "history.csv").write_text("epoch,loss\n0,0.5\n")
    runs = [make_run(0), make_run(1, losses=[1, 2]), make_run(2)]
    curves = tell(gather_curves(runs, {"run-2": {"acc": [(1.0, 1.0)]}}, tmp_path))
    assert curves == {"loss": {0: [(0, 0.5)]}, "losses": {1: [(1, 1), (2, 2)]}, "acc": {2: [(1, 1)]}}


def test_what_is_no_history_file_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"epoch,loss\n0,\xff\xfe\n")
    (tmp_path / "large").write_text("epoch,loss\n" + "1,2\n" * 100)
    monkeypatch.setattr(module, "LARGEST_HISTORY", 100)
    assert [read_history(tmp_path / name) for name in ("missing", "folder", "binary", "large")] == [{}, {}, {}, {}]


def test_packed_curves_say_the_same_and_share_their_steps() -> None:
    runs = [make_run(number) for number in range(4)]
    lengths = {0: 50, 1: 20, 2: 50, 3: 1}
    series = {
        f"run-{number}": {"acc": [(float(step), step / 64 + number) for step in range(1, length + 1)]}
        for number, length in lengths.items()
    }
    series["run-3"]["acc"] = [(7.5, math.inf)]
    curves = gather_curves(runs, series)
    [packed] = pack_curves(curves)
    assert unpack(packed) == tell(curves)["acc"]
    assert len(base64.b64decode(str(packed["steps"]))) == 51 * 8
    assert array("I").itemsize == 4


def test_where_there_are_too_many_points_long_curves_keep_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_POINTS", 300)
    runs = [make_run(number) for number in range(3)]
    long, short = ([(float(step), float(step)) for step in range(length)] for length in (1000, 30))
    curves = gather_curves(runs, {"run-0": {"a": long}, "run-1": {"a": long}, "run-2": {"a": short}})
    assert curves.thinned == 2
    assert [len(steps) for steps in curves.sets[0].steps] == [100, 100, 30]
    assert (curves.sets[0].steps[0][0], curves.sets[0].steps[0][-1]) == (0, 999)
    gaps = {after - before for before, after in zip(curves.sets[0].steps[0], curves.sets[0].steps[0][1:], strict=False)}
    assert gaps <= {10, 11}


def test_a_page_has_the_curves_of_a_search(tmp_path: Path) -> None:
    runs = [*searched_sweep(30, 10)]
    write_sweep(tmp_path, runs, search=SEARCH, notebooks=False)
    page = build_report(tmp_path, tmp_path / "report.html", with_notebooks=False).page.read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data = json.loads(found[1])
    assert data["objectives"] == {"val_accuracy": "maximize"}
    assert [one["name"] for one in data["curves"]] == ["val_accuracy", "val_loss"]
    curves = unpack(data["curves"][0])
    assert {run: len(points) for run, points in curves.items()} == {
        number: len(run.series["val_accuracy"]) for number, run in enumerate(runs)
    }
    columns = {column["name"]: column for column in data["columns"]}
    assert (columns["learning_rate"]["log"], columns["units"]["log"]) == (True, False)
    assert columns["trial"]["values"] == [*range(30)]


def test_a_list_in_the_table_is_cut_but_complete_as_a_curve(tmp_path: Path) -> None:
    losses = [1 / step for step in range(1, 401)]
    write_sweep(tmp_path, [SampleRun({"x": 1}, Outcome(Status.OK, metrics={"losses": losses}))], notebooks=False)
    built = build_report(tmp_path, tmp_path / "report.html", with_notebooks=False)
    page = built.page.read_text("utf-8")
    assert '"values":[[1.0,null,0.0025]]' in page
    [packed] = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])["curves"]
    assert [value for _, value in unpack(packed)[0]] == pytest.approx(losses)
