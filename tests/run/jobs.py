"""Jobs for the tests of what executes them: in a real worker, forked from a real fork server."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, v4

from colab_starter.run.job import Ended, Event, Job, Stop, WarmPlan
from colab_starter.run.kernels.forkserver import Exited, ForkServer
from colab_starter.run.outcome import Outcome
from tests.support.processes import PATIENCE

React = Callable[[Event], Stop | None]
"""Called with each event; what it returns is sent to the worker."""


@dataclass
class Executed:
    """What came of a job."""

    outcome: Outcome
    events: list[Event]
    folder: Path

    @property
    def notebook(self) -> dict[str, Any]:
        """The executed notebook, which nbformat must find valid."""
        found: dict[str, Any] = json.loads((self.folder / "trial.ipynb").read_text())
        nbformat.validate(found)
        return found

    @property
    def statuses(self) -> list[str]:
        return [cell["metadata"]["papermill"]["status"] for cell in self.notebook["cells"]]

    def outputs(self, number: int = 1) -> list[dict[str, Any]]:
        """Of a cell, counted from 1."""
        found: list[dict[str, Any]] = self.notebook["cells"][number - 1]["outputs"]
        return found

    def text(self, number: int = 1) -> str:
        """What a cell printed to both streams."""
        return "".join("".join(output["text"]) for output in self.outputs(number) if output["output_type"] == "stream")

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@dataclass
class Jobs:
    """Executes notebooks in a folder."""

    server: ForkServer
    folder: Path
    metadata: dict[str, Any] = field(default_factory=dict)

    def write(self, *cells: str | NotebookNode) -> Path:
        made = v4.new_notebook(metadata=self.metadata)
        made.cells = [v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        path = self.folder / "trial.ipynb"
        nbformat.write(made, path)
        return path

    def make(self, source: Path, parameters: Mapping[str, Any] | None = None, **options: Any) -> Job:
        output = self.folder / "run" / "trial.ipynb"
        return Job("run", 1, str(source), str(output), parameters or {}, str(self.folder), **options)

    def execute(
        self,
        *cells: str | NotebookNode,
        react: React = lambda event: None,
        answered: Path | None = None,
        warm: bool = True,
        **options: Any,
    ) -> Executed:
        """Execute the cells; ``answered`` is a file made when an answer is sent, ``options`` are those of a Job."""
        plan = WarmPlan() if warm else None
        return self.follow(self.make(self.write(*cells), warm=plan, **options), react, answered)

    def follow(self, job: Job, react: React = lambda event: None, answered: Path | None = None) -> Executed:
        connection = self.server.fork("colab_starter.run.worker.attempt:run_job", job)
        events: list[Event] = []
        with connection:
            while not isinstance(event := receive(connection), Exited):
                events.append(event)
                if answer := react(event):
                    connection.send(answer)
                    if answered:
                        answered.touch()
        assert isinstance(events[-1], Ended)
        return Executed(events[-1].outcome, events, Path(job.output).parent)


def receive(connection: "Connection[Any, Any]") -> Any:
    """The next event of a worker; fails where none comes in time."""
    assert connection.poll(PATIENCE), f"nothing came for {PATIENCE:.0f} s"
    return connection.recv()


def cell(source: str, *tags: str) -> NotebookNode:
    """A code cell with tags."""
    made: NotebookNode = v4.new_code_cell(source, metadata={"tags": list(tags)})
    return made
