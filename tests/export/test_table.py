"""``export --to csv``, read back by pandas and the module csv."""

import csv
import math
from pathlib import Path

import pandas

from colab_starter.run.display.csv_cells import read_cell
from colab_starter.run.job import Point
from tests.export.conftest import Export
from tests.export.sweeps import Sample, SampleSweep, end, rise, sample_sweep


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    names = [*map(read_cell, header)]
    return [dict(zip(names, map(read_cell, row), strict=True)) for row in rows]


def test_every_value_of_every_metric_is_a_row(tmp_path: Path, export: Export) -> None:
    sample = sample_sweep()
    folder = sample.write(tmp_path / "keras")
    answer = export(folder, "--to", "csv")
    assert answer.status == 0
    assert answer.out.startswith(f"{folder / 'metrics.csv'} (6 runs, 12 values)\n")
    table = pandas.read_csv(folder / "metrics.csv")
    assert [*table.columns] == [
        *("run", "status", "learning_rate", "units", "optimizer"),
        *("metric", "step", "value", "time"),
    ]
    assert len(table) == 12
    curves = table[table.metric == "accuracy"].pivot(index="step", columns="run", values="value")
    for run in sample.runs:
        if run.points:
            assert [*curves[run.id].dropna().items()] == [(step, value) for _, step, value in run.points]
    first = table[table.run == sample.runs[0].id]
    assert {*first.learning_rate} == {0.1}
    assert {*first.optimizer} == {"adam"}
    [loss] = first[first.metric == "test.loss"].itertuples()
    assert math.isnan(loss.step)
    assert loss.value == 0.4
    assert pandas.to_datetime(first.time, utc=True).notna().all()


def test_no_cell_is_a_formula_and_each_reads_back_as_it_was(tmp_path: Path, export: Export) -> None:
    odd = ["=1+1", "@x", "-2+3", '"q"', "a;=1", "line\nbreak", "+x", "-5", "[1]", ""]
    runs = [
        Sample(f"a-{number:012x}", {"text": text, "step": 1}, end(), rise(1.0, name=text or "m"))
        for number, text in enumerate(odd)
    ]
    folder = SampleSweep(runs).write(tmp_path)
    export(folder, "--to", "csv", "-o", tmp_path / "out/all.csv")
    rows = read_rows(tmp_path / "out/all.csv")
    assert [row["text"] for row in rows] == odd
    assert [row["metric"] for row in rows] == [text or "m" for text in odd]
    assert {(row["parameter.step"], row["step"]) for row in rows} == {("1", "1")}
    with (tmp_path / "out/all.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+")) or (cell.startswith("-") and cell != "-5")]


def test_numbers_keep_their_value_and_their_kind(tmp_path: Path, export: Export) -> None:
    points = [
        Point("loss", 0.5, math.nan),
        Point("loss", 1.0, math.inf),
        Point("loss", 2, 1e-300),
        Point("loss", -3, 0.1),
    ]
    folder = SampleSweep([Sample("a-000000000000", {}, end(), points)]).write(tmp_path)
    export(folder, "--to", "csv")
    rows = read_rows(folder / "metrics.csv")
    assert [(row["step"], row["value"]) for row in rows] == [
        ("0.5", "nan"),
        ("1", "inf"),
        ("2", "1e-300"),
        ("-3", "0.1"),
    ]


def test_a_sweep_without_steps_still_has_its_numbers(tmp_path: Path, export: Export) -> None:
    folder = SampleSweep([Sample("a-000000000000", {"n": 1}, end(score=3, name="x"))]).write(tmp_path)
    export(folder, "--to", "csv")
    assert [(row["metric"], row["step"], row["value"]) for row in read_rows(folder / "metrics.csv")] == [
        ("score", "", "3.0")
    ]
