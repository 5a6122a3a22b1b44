"""Publishing a run from the local folder in which it was executed to the store.

Every sweep imports this module, so fsspec, which takes a tenth of a second, is imported only with the first store.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colab_starter.run.job import KERNEL_LOG, OUTPUT_DIR, OUTPUT_FOLDER, Job
from colab_starter.run.outcome import Outcome, Status

if TYPE_CHECKING:
    from colab_starter.run.storage.objects import Objects


def publish_run(objects: Objects, job: Job, check: Callable[[], None] = lambda: None) -> None:
    """Upload what the run at ``job.output`` wrote, and finally its executed notebook, which marks it as complete.

    ``check`` is called before the notebook. Raises OSError, and what ``check`` raises.
    """
    notebook = Path(job.output)
    files = _list_files(notebook.parent, job.run)
    objects.put(files)
    if job.attempt > 1:
        left = set(objects.list(f"{job.run}/{OUTPUT_FOLDER}")) | {f"{job.run}/{KERNEL_LOG}"}
        objects.remove(sorted(left - files.keys()))
    check()
    if notebook.is_file():
        objects.write(f"{job.run}/{notebook.name}", notebook.read_bytes())


def _list_files(folder: Path, run: str) -> dict[str, Path]:
    """The files by their names in the store; empty folders, pipes and broken links are left out."""
    found = [path for path in (folder / OUTPUT_FOLDER).rglob("*") if path.is_file()]
    if (folder / KERNEL_LOG).is_file():
        found.append(folder / KERNEL_LOG)
    return {f"{run}/{path.relative_to(folder).as_posix()}": path for path in found}


def describe_failure(address: str, reason: str | None, folder: Path) -> Outcome:
    """The outcome of a run whose results exist only on this machine."""
    return Outcome(Status.FAILED, f"could not be published to {address} ({reason}); what it wrote is in {folder}")


def execute_staged(job: Job, execute: Callable[[Job], Outcome]) -> Outcome:
    """Execute a job whose notebook and output are in a store, in a local folder that is removed once published.

    This is for workers on machines without access to the coordinator's disk.
    """
    from colab_starter.run.storage.objects import Objects

    address, run, name = job.output.rsplit("/", 2)
    folder = Path(tempfile.mkdtemp(prefix="colab-starter-run-"))
    is_published = True
    try:
        objects = Objects(address)
        staged = _stage(job, objects, address, folder / run / name)
        outcome = execute(staged)
        is_published = False
        publish_run(objects, staged)
        is_published = True
    except OSError as error:
        if not is_published:
            failure = describe_failure(address, error.strerror, folder / run)
            return replace(outcome, status=failure.status, cause=failure.cause)
        return Outcome(Status.FAILED, f"{job.notebook} cannot be fetched ({error.strerror})")
    finally:
        if is_published:
            shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _stage(job: Job, objects: Objects, address: str, output: Path) -> Job:
    """The job with its paths in a local folder, to which its notebook is fetched."""
    source = output.parents[1] / job.notebook.rpartition("/")[2]
    if job.notebook.startswith(f"{address}/"):
        objects.get({job.notebook.removeprefix(f"{address}/"): source})
    else:
        source = Path(job.notebook)
    parameters = dict(job.parameters)
    if parameters.get(OUTPUT_DIR) == f"{address}/{job.run}/{OUTPUT_FOLDER}":
        parameters[OUTPUT_DIR] = str(output.with_name(OUTPUT_FOLDER))
    return replace(job, notebook=str(source), output=str(output), parameters=parameters, address=address)
