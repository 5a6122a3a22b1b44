import json
from pathlib import Path
from typing import Any

import pytest

from colab_starter.run.ledger.ledger import Ledger, open_ledger, read_runs
from colab_starter.run.ledger.resume import is_to_do
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.recovery import settle
from colab_starter.run.secrets import Mask
from colab_starter.run.storage.store import LocalStore

TOLD: dict[str, Any] = {
    "run": "a",
    "attempt": 1,
    "status": "ok",
    "cause": "",
    "cell": None,
    "seconds": 2.5,
    "metrics": {"loss": 0.5},
    "peak_memory": 1000,
    "host": "mill",
    "source": "source-1.ipynb",
}


def start(folder: Path, attempt: int = 1) -> Ledger:
    """A ledger with a run that has started, and its folder."""
    ledger = open_ledger(folder, Mask())
    ledger.write_start("a", attempt, {}, "source", "a/nb.ipynb")
    (folder / "a").mkdir(exist_ok=True)
    return ledger


def write_notebook(folder: Path, **told: Any) -> None:
    (folder / "a/nb.ipynb").write_text(json.dumps({"cells": [], "metadata": {"colab_starter": {**TOLD, **told}}}))


@pytest.mark.parametrize(
    ("status", "again", "again_on_request"),
    [
        (None, True, True),
        (Status.OK, False, False),
        (Status.FAILED, False, True),
        (Status.TIMEOUT, False, True),
        (Status.KILLED, False, True),
        (Status.PRUNED, False, False),
        (Status.INTERRUPTED, True, True),
        (Status.RUNNING, True, True),
    ],
)
def test_what_is_done_again(status: Status | None, again: bool, again_on_request: bool, tmp_path: Path) -> None:
    record = None
    if status:
        ledger = start(tmp_path)
        record = ledger.runs["a"] if status is Status.RUNNING else ledger.write_end("a", Outcome(status))
        ledger.close()
    assert is_to_do(record, retry_failed=False) is again
    assert is_to_do(record, retry_failed=True) is again_on_request


@pytest.mark.parametrize("status", [Status.OK, Status.FAILED, Status.PRUNED, Status.INTERRUPTED])
def test_a_final_notebook_without_an_end_in_the_ledger_is_adopted(status: Status, tmp_path: Path) -> None:
    ledger = start(tmp_path)
    write_notebook(tmp_path, status=status)
    settle(ledger, LocalStore(tmp_path))
    ledger.close()
    found = read_runs(tmp_path)["a"]
    assert (found.status, found.outcome.seconds, found.outcome.metrics, found.outcome.host) == (
        status,
        2.5,
        {"loss": 0.5},
        "mill",
    )


@pytest.mark.parametrize("told", [{"attempt": 1}, {"run": "b", "attempt": 2}, {"attempt": 2, "status": "fine"}])
def test_a_notebook_of_another_attempt_is_not(told: dict[str, Any], tmp_path: Path) -> None:
    ledger = start(tmp_path, attempt=2)
    write_notebook(tmp_path, **told)
    settle(ledger, LocalStore(tmp_path))
    ledger.close()
    found = read_runs(tmp_path)["a"]
    assert (found.status, found.outcome.cause) == (Status.INTERRUPTED, "colab-starter itself was killed while this ran")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"metadata": {}}', '{"metadata": {"colab_starter": {}}}'])
def test_a_file_that_says_nothing_is_not(content: str, tmp_path: Path) -> None:
    ledger = start(tmp_path)
    (tmp_path / "a/nb.ipynb").write_text(content)
    settle(ledger, LocalStore(tmp_path))
    ledger.close()
    assert read_runs(tmp_path)["a"].status is Status.INTERRUPTED


def test_what_was_being_written_is_removed(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    leftovers = [tmp_path / "a/.nb.ipynb.x1", tmp_path / ".results.csv.x1", tmp_path / ".source-1.ipynb.x1"]
    kept = [tmp_path / "a/nb.partial.ipynb", tmp_path / ".lock"]
    for path in [*leftovers, *kept]:
        path.write_text("")
    settle(ledger, LocalStore(tmp_path))
    ledger.close()
    assert [path for path in [*leftovers, *kept] if path.exists()] == kept
