import csv
import math
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from colab_starter.run.display import results
from colab_starter.run.display.results import UNLIMITED_WIDTH, format_results, make_table
from colab_starter.run.flat_metrics import encode_value
from colab_starter.run.formatting import Wording
from colab_starter.run.ledger.ledger import Ledger, open_ledger
from colab_starter.run.outcome import Outcome, SeriesSummary, Status
from colab_starter.run.secrets import Mask
from colab_starter.run.sweep.runs import Run, find_varying

NO_SECRETS = Mask()


def note(ledger: Ledger, run: Run, outcome: Outcome) -> None:
    ledger.write_start(run.id, 1, run.parameters, "source", f"{run.id}/nb.ipynb")
    ledger.write_end(run.id, outcome)


@pytest.fixture
def rows(tmp_path: Path) -> Any:
    """The results of runs with these parameters and outcomes, a dict a row."""

    def make(*ended: tuple[dict[str, Any], Outcome | None], mask: Mask = NO_SECRETS) -> list[dict[str, str]]:
        ledger = open_ledger(tmp_path, mask)
        runs = [Run(f"run-{number}", parameters) for number, (parameters, _) in enumerate(ended)]
        for run, (_, outcome) in zip(runs, ended, strict=True):
            if outcome:
                note(ledger, run, outcome)
        ledger.close()
        text = format_results(runs, ledger.runs, mask).decode()
        return list(csv.DictReader(StringIO(text)))

    return make


def test_a_row_has_all_that_is_known_of_a_run(rows: Any) -> None:
    outcome = Outcome(Status.FAILED, "ValueError: bad, sad", 3, 1.25, {"loss": 0.1}, 123_456_789, "mill")
    [row] = rows(({"lr": 1e-05, "name": "a,b"}, outcome))
    facts = dict(list(row.items())[:11])
    assert facts == {
        "run": "run-0",
        "status": "failed",
        "lr": "1e-05",
        "name": "a,b",
        "loss": "0.1",
        "attempts": "1",
        "seconds": "1.250",
        "cause": "ValueError: bad, sad",
        "peak_memory_mb": "123.5",
        "host": "mill",
        "started": row["started"],
    }
    assert row["notebook"] == "run-0/nb.ipynb"


def test_rows_are_in_the_order_of_the_sweep_and_cells_empty_where_nothing_is_known(rows: Any) -> None:
    found = rows(({"n": 1}, None), ({"m": None}, Outcome(Status.OK, metrics={"x": 0.1})), ({"n": 3}, None))
    assert [(row["status"], row["n"], row["m"], row["x"], row["attempts"]) for row in found] == [
        ("pending", "1", "", "", "0"),
        ("ok", "", "None", "0.1", "1"),
        ("pending", "3", "", "", "0"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.30000000000000004"),
        (math.nan, "nan"),
        (True, "True"),
        ("two\nlines", "two\nlines"),
        ([1, {"a": None}], '[1, {"a": null}]'),
        ({"deep": [1.5]}, '{"deep": [1.5]}'),
    ],
)
def test_values_come_back_from_the_file(rows: Any, value: Any, text: str) -> None:
    [row] = rows(({"n": value}, Outcome(Status.OK, metrics={"m": value})))
    assert (row["n"], row["m"]) == (text, text)


def test_of_the_metrics_of_all_runs_only_its_own_are_looked_at_for_a_row(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[Any] = []
    write = encode_value

    def note(value: Any) -> str:
        looked_at.append(value)
        return write(value)

    monkeypatch.setattr(results, "encode_value", note)
    metrics = [{f"loss_{run}_{step}": step for step in range(20)} for run in range(30)]
    found = rows(*(({"n": 1}, Outcome(Status.OK, metrics=own)) for own in metrics))
    assert [{name: int(row[name]) for name in own} for row, own in zip(found, metrics, strict=True)] == metrics
    assert found[0]["loss_1_0"] == ""
    assert len(looked_at) == 30 * (20 + 1)


def test_names_that_are_taken_get_one_of_their_own(rows: Any) -> None:
    [row] = rows(({"status": "x", "n": 1}, Outcome(Status.OK, metrics={"n": 2, "seconds": 3, "loss": 4})))
    assert (row["parameter.status"], row["metric.n"], row["metric.seconds"], row["loss"]) == ("x", "2", "3", "4")


def test_secrets_are_masked(rows: Any) -> None:
    [row] = rows(({"key": "hunter22"}, Outcome(Status.OK, metrics={"x": "hunter22"})), mask=Mask(["hunter22"]))
    assert (row["key"], row["x"]) == ("***", "***")


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode())))


@pytest.fixture
def two_versions(tmp_path: Path) -> Ledger:
    """Runs of two versions of a notebook; the last one failed."""
    ledger = open_ledger(tmp_path, NO_SECRETS)
    rows: list[tuple[str, dict[str, Any]]] = [
        ("old", {"lr": 0.1}),
        ("old", {"lr": 0.3}),
        ("new", {"lr": 0.1, "opt": "adam"}),
    ]
    for number, (version, parameters) in enumerate(rows):
        ledger.write_start(f"run-{number}", 1, parameters, version * 4, f"run-{number}/nb.ipynb")
        bad = Outcome(Status.FAILED, "ValueError: hunter22")
        ledger.write_end(f"run-{number}", bad if version == "new" else Outcome(Status.OK, metrics={"acc": number}))
    ledger.close()
    return ledger


def test_all_runs_of_the_ledger_have_a_row_those_that_were_asked_for_first(two_versions: Ledger) -> None:
    asked = [Run("run-3", {"lr": 0.5}), Run("run-1", {"lr": 0.3})]
    found = read(format_results(asked, two_versions.runs, NO_SECRETS, "oldoldoldold"))
    assert [(row["run"], row["status"], row["lr"], row["acc"]) for row in found] == [
        ("run-3", "pending", "0.5", ""),
        ("run-1", "ok", "0.3", "1"),
        ("run-0", "ok", "0.1", "0"),
        ("run-2", "failed", "0.1", ""),
    ]


def test_runs_of_several_versions_say_which_and_have_the_defaults_of_theirs(two_versions: Ledger) -> None:
    defaults = {
        "oldoldol": {"lr": 9, "opt": "sgd", "epochs": 5},
        "newnewne": {"opt": "lion", "epochs": 2, "deep": True},
    }
    found = read(format_results([], two_versions.runs, NO_SECRETS, defaults=defaults))
    assert list(found[0])[:7] == ["run", "status", "notebook_version", "lr", "opt", "epochs", "deep"]
    assert [[*row.values()][2:7] for row in found] == [
        ["oldoldol", "0.1", "sgd", "5", ""],
        ["oldoldol", "0.3", "sgd", "5", ""],
        ["newnewne", "0.1", "adam", "2", "True"],
    ]


def test_runs_of_one_version_do_not_say_which(rows: Any) -> None:
    [row] = rows(({"n": 1}, Outcome(Status.OK)))
    assert "notebook_version" not in row


def test_what_an_older_ledger_has_in_the_clear_is_masked_in_the_table(two_versions: Ledger) -> None:
    content = format_results([], two_versions.runs, Mask(["hunter22"]), defaults={"oldoldol": {"key": "is hunter22"}})
    assert b"hunter22" not in content
    assert [row["key"] for row in read(content)] == ["is ***", "is ***", ""]


def test_what_was_masked_when_it_was_written_is_not_shown_by_a_later_command(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, Mask(["hunter22"]))
    run = Run("a", {"key": "hunter22"})
    note(ledger, run, Outcome(Status.OK))
    ledger.close()
    [row] = read(format_results([run], ledger.runs, NO_SECRETS))
    assert row["key"] == "***"


def test_nothing_in_the_table_is_executed_by_a_spreadsheet_and_numbers_stay_numbers(rows: Any) -> None:
    outcome = Outcome(Status.FAILED, "=1+1", metrics={"=2+2": "@x", "loss": -1.5, "list": [-1]})
    [row] = rows(({"text": "-x", "rate": -1e-3, "free": float("-inf")}, outcome))
    assert (row["text"], row['"=2+2"'], row["cause"]) == ('"-x"', '"@x"', '"=1+1"')
    assert (row["rate"], row["free"], row["loss"], row["list"]) == ("-0.001", "-inf", "-1.5", "[-1]")


def draw(ledger: Ledger, runs: list[Run], width: int = 100) -> str:
    console = Console(file=StringIO(), width=width)
    wording = Wording(find_varying(run.parameters for run in runs), NO_SECRETS)
    console.print(make_table(runs, ledger.runs, wording, width))
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_the_table_shows_what_varies_and_nothing_is_taken_for_markup(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, NO_SECRETS)
    runs = [Run("a", {"name": "[red]x[/red]", "same": 1}), Run("b", {"name": "\x1b[31mx", "same": 1})]
    note(ledger, runs[0], Outcome(Status.OK, seconds=75, metrics={"loss": 0.123456}))
    note(ledger, runs[1], Outcome(Status.KILLED, "the kernel was killed by SIGSEGV [/]"))
    ledger.close()
    text = draw(ledger, runs)
    assert "same" not in text
    assert "\x1b" not in text
    for part in ("[red]x[/red]", "0.1235", "1:15 min", "killed", "SIGSEGV [/]"):
        assert part in text


def test_of_many_runs_the_ends_and_what_failed_are_shown(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, NO_SECRETS)
    runs = [Run(f"run-{number}", {"n": number}) for number in range(1000)]
    statuses = {200: Status.PRUNED, 300: Status.FAILED, 301: Status.FAILED}
    for run in runs[:600]:
        note(ledger, run, Outcome(statuses.get(run.parameters["n"], Status.OK)))
    ledger.close()
    shown = [line.split()[0] for line in draw(ledger, runs).splitlines()[1:]]
    assert shown[:14] == [*map(str, range(10)), "…", "300", "301", "…"]
    assert shown[-10:] == [*map(str, range(990, 1000))]
    assert len(shown) <= 45


def test_of_many_metrics_the_first_are_shown_however_wide_the_output_is(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, NO_SECRETS)
    note(ledger, Run("a", {}), Outcome(Status.OK, metrics={f"m{number}": number for number in range(1000)}))
    ledger.close()
    header, _ = draw(ledger, [Run("a", {})], UNLIMITED_WIDTH).splitlines()
    assert header.split() == ["run", "status", *(f"m{number}" for number in range(30)), "time"]


def test_a_metric_with_steps_has_its_last_value_its_best_and_the_step_of_that(tmp_path: Path) -> None:
    series = {
        "val_loss": SeriesSummary(9, 0.1, 4, 0.9, 1),
        "val_acc": SeriesSummary(9, 0.2, 1, 0.8, 5.5),
        "gain": SeriesSummary(2, math.nan, 1, math.nan, 1),
    }
    metrics = {"val_loss": 0.2, "other": 1, "val_acc": 0.7, "val_acc.best": "taken", "gain": math.nan}
    ledger = open_ledger(tmp_path, NO_SECRETS)
    runs = [Run("a", {}), Run("b", {})]
    note(ledger, runs[0], Outcome(Status.OK, metrics=metrics, series=series))
    note(ledger, runs[1], Outcome(Status.PRUNED, metrics={"other": 2}))
    ledger.close()

    def read(objectives: dict[str, Any] | None) -> list[dict[str, str]]:
        text = format_results(runs, ledger.runs, NO_SECRETS, objectives=objectives).decode()
        return [dict(list(row.items())[2:-8]) for row in csv.DictReader(StringIO(text))]

    first, second = read(None)
    assert list(first.items()) == [
        ("val_loss", "0.2"),
        ("val_loss.best", "0.1"),
        ("val_loss.best_step", "4"),
        ("other", "1"),
        ("val_acc", "0.7"),
        ("val_acc.best", "taken"),
        ("val_acc.best_step", "5.5"),
        ("gain", "nan"),
        ("gain.best", "nan"),
        ("gain.best_step", "1"),
    ]
    assert {name: value for name, value in second.items() if value} == {"other": "2"}
    turned = read({"val_loss": "maximize", "val_acc": 7})[0]
    assert (turned["val_loss.best"], turned["val_loss.best_step"], turned["val_acc.best_step"]) == ("0.9", "1", "5.5")
