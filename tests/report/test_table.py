"""Which columns a report shows of a sweep's runs, and how values come into the page."""

import json
import math
from typing import Any

import pytest

from colab_starter.report.table import Column, Kind, Searched, Table, build_table
from colab_starter.run.ledger.ledger import RunRecord
from colab_starter.run.outcome import Outcome, Status


def make_run(number: int = 0, parameters: Any = None, **facts: Any) -> RunRecord:
    """``facts`` are those of the outcome, and ``attempt`` and ``source``."""
    attempt, source = facts.pop("attempt", 1), facts.pop("source", "0123456789")
    outcome = Outcome(**{"status": Status.OK, "seconds": 60.0, "host": "ada", **facts})
    times: dict[str, Any] = {"started": "2026-11-23T14:02:09.5+00:00", "ended": "2026-11-23T14:03:09+00:00"}
    return RunRecord(f"run-{number}", attempt, parameters or {}, source, "a/nb.ipynb", outcome=outcome, **times)


def column_of(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def names_of(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def test_a_parameter_that_never_varies_is_no_column() -> None:
    runs = [make_run(n, parameters={"lr": 0.1 * n, "seed": 42, "name": "x", "output_dir": f"out/{n}"}) for n in (1, 2)]
    table = build_table(runs)
    assert names_of(table) == ["lr", "seconds", "started"]
    assert table.fixed == {"seed": "42", "name": "x"}


def test_a_single_run_has_its_parameters_above_the_table() -> None:
    table = build_table([make_run(parameters={"lr": 0.1}, metrics={"loss": 0.5})])
    assert table.fixed == {"lr": "0.1"}
    assert names_of(table) == ["loss", "seconds", "started"]


def test_a_parameter_that_only_some_runs_set_is_a_column_with_gaps() -> None:
    table = build_table([make_run(0, parameters={"lr": 0.1}), make_run(1, parameters={"lr": 0.1, "depth": 3})])
    assert column_of(table, "depth").values == [None, 3]


def test_none_as_a_value_is_told_from_no_value() -> None:
    table = build_table([make_run(n, parameters=values) for n, values in enumerate([{"d": None}, {"d": 0.5}, {}])])
    assert column_of(table, "d").values == ["None", "0.5", None]


def test_truth_values_are_no_numbers() -> None:
    table = build_table([make_run(n, parameters={"flag": flag}) for n, flag in enumerate([True, False])])
    assert (column_of(table, "flag").kind, column_of(table, "flag").values) == (Kind.TEXT, ["True", "False"])


def test_numbers_that_json_cannot_hold_are_texts_that_javascript_reads() -> None:
    values = [math.nan, math.inf, -math.inf, 2**60 + 1, 0.1]
    table = build_table([make_run(n, metrics={"m": value}) for n, value in enumerate(values)])
    column = column_of(table, "m")
    assert column.kind == Kind.NUMBER
    assert column.values == ["NaN", "Infinity", "-Infinity", "1152921504606846977", 0.1]
    json.dumps(column.values, allow_nan=False)


def test_nested_metrics_have_dotted_names() -> None:
    metrics = {"test": {"loss": 0.5, "by_class": {"cat": 0.9}}, "history": [0.9, 0.5]}
    table = build_table([make_run(metrics=metrics), make_run(1, status=Status.FAILED, cause="cell 3: ValueError")])
    assert column_of(table, "test.loss").values == [0.5, None]
    assert column_of(table, "test.by_class.cat").values == [0.9, None]
    assert (column_of(table, "history").kind, column_of(table, "history").values) == (Kind.SERIES, [[0.9, 0.5], None])
    assert column_of(table, "cause").values == [None, "cell 3: ValueError"]


def test_a_run_that_failed_has_no_metric_rather_than_zero() -> None:
    table = build_table([make_run(metrics={"loss": 0.5}), make_run(1, status=Status.KILLED)])
    assert column_of(table, "loss").values == [0.5, None]


@pytest.mark.parametrize(("value", "shown"), [([1, "a"], "[1, 'a']"), ("x" * 400, "x" * 300 + "…")])
def test_other_metrics_are_shown_as_text(value: Any, shown: str) -> None:
    table = build_table([make_run(metrics={"m": value}), make_run(1, metrics={"m": "other"})])
    assert column_of(table, "m").values == [shown, "other"]


def test_a_text_that_all_runs_recorded_stands_above_the_table() -> None:
    table = build_table([make_run(n, metrics={"model": "CNN", "accuracy": 1.0}) for n in range(3)])
    assert table.fixed == {"model": "CNN"}
    assert "accuracy" in names_of(table)


def test_facts_are_shown_where_they_tell_something() -> None:
    plain = build_table([make_run(n) for n in range(2)])
    assert names_of(plain) == ["seconds", "started"]
    telling = build_table(
        [make_run(0, host="ada", source="old"), make_run(1, host="bob", attempt=2, peak_memory=3_200_000)]
    )
    assert names_of(telling) == ["seconds", "peak memory (MB)", "attempts", "host", "notebook version", "started"]
    assert column_of(telling, "peak memory (MB)").values == [None, 3]


def test_metrics_without_end_are_cut_off_and_counted() -> None:
    table = build_table([make_run(metrics={f"m{n}": n for n in range(100)})])
    assert len(table.columns) == 60 + 2
    assert table.left_out == 40


def test_an_empty_sweep_has_no_columns() -> None:
    assert build_table([]).columns == []


def test_seeds_repeat_a_setting_and_so_do_parameters_that_are_named() -> None:
    values = {"lr": 1, "seed": 1, "Random_State": 1, "fold": 1, "seeds": 1, "split": 1}
    runs = [make_run(n, parameters=dict.fromkeys(values, n)) for n in range(2)]
    told = {column.name: column.repeats for column in build_table(runs, None, Searched(repeats=["split"])).columns}
    assert {name for name, repeats in told.items() if repeats} == {"seed", "Random_State", "fold", "split"}


def test_trials_have_their_numbers_and_logarithmic_ranges_are_told() -> None:
    runs = [make_run(n, parameters={"lr": 10.0**n, "n": n}) for n in range(3)]
    table = build_table(runs, None, Searched({"run-0": 5, "run-2": 7}, {"lr"}))
    assert column_of(table, "trial").values == [5, None, 7]
    assert {column.name for column in table.columns if column.log} == {"lr"}


def test_a_long_series_is_cut_in_the_table() -> None:
    table = build_table([make_run(metrics={"loss": [4, 3, 2, 1]}), make_run(1, metrics={"loss": [4, 3, math.nan]})])
    assert column_of(table, "loss").values == [[4, None, 1], [4, 3, "NaN"]]
