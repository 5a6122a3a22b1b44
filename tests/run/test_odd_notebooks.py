"""One odd output, message or part of a notebook's file costs no run: notebooks from a seeded generator.

``ODD_NOTEBOOKS=1000 pytest tests/run/test_odd_notebooks.py`` makes so many instead of a few, ``ODD_SEED`` begins with
another seed. Everything is real but for the fork server, which all of the sweeps share.
"""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.iorw import load_notebook_node

from colab_starter.errors import ColabStarterError
from colab_starter.report.build import build_report
from colab_starter.report.notebooks import page_of
from colab_starter.run import coordinator
from colab_starter.run.backends import Backend
from colab_starter.run.backends.local.options import LocalOptions
from colab_starter.run.batch import Options
from colab_starter.run.job import Event, Job, Stop, WarmPlan
from colab_starter.run.kernels.forkserver import Exited, ForkServer
from colab_starter.run.stopping import StopLevel
from tests.run.odd_notebooks import SENTINEL, make_odd
from tests.support.marks import weekly
from tests.support.ready_servers import ReadyServers

COUNT = int(os.environ.get("ODD_NOTEBOOKS", "60"))
DAILY = COUNT if "ODD_NOTEBOOKS" in os.environ else 40
FIRST_SEED = int(os.environ.get("ODD_SEED", "0"))
AT_ONCE = 10
"""Notebooks of one test."""


class SharedServer(Backend):
    """Executes one job after another in workers of a fork server that outlives it."""

    capacity = 1

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._worker: Connection[Any, Any] | None = None

    def submit(self, job: Job) -> None:
        self._worker = self._server.fork("colab_starter.run.worker.attempt:run_job", job)

    def wait(self, timeout: float) -> list[Event]:
        if self._worker is None or not self._worker.poll(timeout):
            return []
        event = self._worker.recv()
        if isinstance(event, Exited):
            self.close()
            return []
        return [event]

    def cancel(self, run: str, level: StopLevel) -> None:
        if self._worker:
            self._worker.send(Stop(level))

    def prune(self, run: str, cause: str) -> None:
        if self._worker:
            self._worker.send(Stop.prune(cause))

    def close(self) -> None:
        if self._worker:
            self._worker.close()
        self._worker = None


@pytest.fixture(scope="module")
def server(ready_servers: ReadyServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    server = ready_servers.start(WarmPlan(), {}, tmp_path_factory.mktemp("server") / "log")
    yield server
    server.close()


Run = Callable[[Any, str], tuple[int, str]]


@pytest.fixture
def run(server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a notebook as ``colab-starter run`` does; returns the exit code, and what an error says."""
    monkeypatch.setattr(LocalOptions, "check", lambda options: lambda *_: SharedServer(server))

    def run_notebook(data: Any, name: str) -> tuple[int, str]:
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(data))
        try:
            return coordinator.run_batch(Options(path, out=tmp_path / name, warm=[], quiet=True)), ""
        except ColabStarterError as error:
            return error.exit_code, str(error)
        finally:
            capfd.readouterr()

    return run_notebook


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in the executed notebook")


def read_executed(folder: Path, name: str) -> Any:
    """The executed notebook of the only run, which whoever reads notebooks finds valid."""
    [path] = folder.glob(f"{name}/*/{name}.ipynb")
    found = json.loads(path.read_text(), parse_constant=partial(refuse))
    nbformat.validate(found)
    assert [*load_notebook_node(str(path)).cells]
    return found


def check_report(folder: Path, name: str) -> None:
    """The report has a page for the run's notebook, and a link to it."""
    built = build_report(folder / name, folder / name / "report.html", with_notebooks=True)
    assert built.unreadable == {}
    [notebook] = folder.glob(f"{name}/*/{name}.ipynb")
    assert page_of(notebook).stat().st_size > 1000
    assert page_of(notebook).name in built.page.read_text()


def texts(cell: Any) -> str:
    outputs = [output for output in cell.get("outputs", ()) if output["output_type"] == "stream"]
    return "".join("".join(output["text"]) for output in outputs)


def check_seed(seed: int, run: Run, folder: Path) -> None:
    odd, name = make_odd(seed), f"odd{seed}"
    exit_code, said = run(odd.data, name)
    assert (exit_code, bool(said)) == (odd.exit_code, odd.exit_code == 2), said
    if odd.exit_code == 2:
        assert "\n" not in said
        assert not (folder / name).exists() or not [*folder.glob(f"{name}/*/*.ipynb")]
        return
    found = read_executed(folder, name)
    assert (SENTINEL in texts(found["cells"][-1])) == odd.reaches_end
    facts = found["metadata"]["colab_starter"]
    assert facts["status"] == ("failed" if odd.exit_code else "ok")
    assert bool(facts["cause"]) == (not odd.reaches_end)
    check_report(folder, name)


@pytest.mark.parametrize(
    "first",
    [weekly(FIRST_SEED + number) if number >= DAILY else FIRST_SEED + number for number in range(0, COUNT, AT_ONCE)],
)
def test_odd_notebooks_leave_an_executed_notebook_and_a_page(first: int, run: Run, tmp_path: Path) -> None:
    failures = []
    for seed in range(first, min(first + AT_ONCE, FIRST_SEED + COUNT)):
        try:
            check_seed(seed, run, tmp_path)
        except Exception as error:
            labels = "".join(f"\n  {label[:300]}" for label in make_odd(seed).labels)
            failures.append(f"seed {seed}: {type(error).__name__}: {error}{labels}")
    assert not failures, "\n".join(failures)
