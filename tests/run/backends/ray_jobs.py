"""Jobs for the backend ``ray``, and what became of them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from colab_starter.run.backends.ray.backend import RayBackend
from colab_starter.run.job import Ended, Event, Job, Overlay, WarmPlan
from colab_starter.run.outcome import Outcome

TELL_PID = "import os, time\nopen({!r}, 'w').write(str(os.getpid()))\ntime.sleep({})"
IMPORTS_NOTHING = WarmPlan()

MakeJob = Callable[..., Job]


def make_job_in(folder: Path, run: str, *cells: str, warm: WarmPlan | None = IMPORTS_NOTHING) -> Job:
    """A job whose notebook is these cells, with ``folder`` as its working directory."""
    source = folder / f"{run}.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells]), source)
    return Job(run, 1, str(source), str(folder / "runs" / run / "nb.ipynb"), {}, str(folder), warm=warm)


def execute(opened: RayBackend, jobs: list[Job], meanwhile: Callable[[], Any] = bool) -> list[Event]:
    """Submit jobs as there is room, until all have ended."""
    waiting, running, events = list(jobs), set[str](), list[Event]()
    deadline = time.monotonic() + 1200
    while waiting or running:
        assert time.monotonic() < deadline, events
        while waiting and len(running) < opened.capacity:
            running.add(waiting[0].run)
            opened.submit(waiting.pop(0))
        news = opened.wait(0.1)
        events += news
        running -= {event.run for event in news if isinstance(event, Ended)}
        meanwhile()
    return events


def ends(events: list[Event]) -> list[tuple[str, Outcome]]:
    return [(event.run, event.outcome) for event in events if isinstance(event, Ended)]


def printed(job: Job) -> str:
    return "".join(output.text for output in nbformat.read(job.output, as_version=4).cells[-1].outputs)


def in_overlay(job: Job) -> Job:
    return replace(job, overlay=Overlay(), warm=replace(job.warm or IMPORTS_NOTHING, overlay=Overlay()))


def wait_until_removed(*folders: Path) -> None:
    deadline = time.monotonic() + 120
    while left := [folder for folder in folders if folder.exists()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
