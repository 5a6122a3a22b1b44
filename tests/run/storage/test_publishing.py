"""Runs on their way to the store."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from colab_starter.errors import LedgerWriteError
from colab_starter.run.backends.publishing import PublishingBackend
from colab_starter.run.job import Ended, Job
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.storage import objects as objects_module
from colab_starter.run.storage.objects import Objects
from colab_starter.run.storage.runs import execute_staged
from tests.run.scripted import ScriptedBackend
from tests.run.storage.rig import BUCKET, FaultyEndpoint, Handler, answer_500

OK = Outcome(Status.OK, seconds=1)


def write_run(job: Job, **files: str) -> None:
    """What the execution of a job would leave."""
    folder = Path(job.output).parent
    (folder / "output").mkdir(parents=True)
    for name, text in files.items():
        (folder / "output" / name).write_text(text)
    Path(job.output).write_text("{}")


def execute_well(job: Job) -> Outcome:
    write_run(job)
    return OK


def make_job(folder: Path, attempt: int = 1) -> Job:
    return Job("a", attempt, str(folder / "source.ipynb"), str(folder / "a/nb.ipynb"), {}, "/")


def wait_for_end(backend: PublishingBackend) -> Outcome:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for event in backend.wait(0.1):
            if isinstance(event, Ended):
                return event.outcome
    raise AssertionError("it did not end")


def execute(objects: Objects, folder: Path, attempt: int = 1, **files: str) -> Outcome:
    def script(job: Job) -> Outcome:
        write_run(job, **files)
        return OK

    with PublishingBackend(ScriptedBackend(script), objects, lambda: None) as backend:
        backend.submit(make_job(folder, attempt))
        return wait_for_end(backend)


def test_a_run_is_published_and_its_notebook_comes_last(s3: FaultyEndpoint, tmp_path: Path) -> None:
    objects = Objects(f"s3://{BUCKET}/lr")
    s3.fail("PUT", "output/x", answer_500)
    assert execute(objects, tmp_path, x="1", y="2") == OK
    puts = [request for request in s3.requests if request.startswith("PUT")]
    assert puts[-1].startswith(f"PUT /{BUCKET}/lr/a/nb.ipynb")
    assert list(objects.list("a")) == ["a/nb.ipynb", "a/output/x", "a/output/y"]
    assert not (tmp_path / "a").exists()


def test_a_further_attempt_leaves_nothing_of_the_one_before(memory: Objects, tmp_path: Path) -> None:
    execute(memory, tmp_path, x="1", y="2")
    execute(memory, tmp_path, attempt=2, y="3")
    assert list(memory.list("a")) == ["a/nb.ipynb", "a/output/y"]
    assert memory.read("a/output/y") == b"3"


def test_a_run_that_cannot_be_published_has_failed_and_is_kept_here(
    s3: FaultyEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_module, "PATIENCE", 0.1)
    s3.fail("PUT", "a/nb.ipynb", answer_500, times=100)
    outcome = execute(Objects(f"s3://{BUCKET}/lr"), tmp_path, x="1")
    assert outcome.status is Status.FAILED
    assert outcome.cause.startswith("could not be published to s3://sweeps/lr (")
    assert outcome.cause.endswith(f"what it wrote is in {tmp_path / 'a'}")
    assert (tmp_path / "a/output/x").read_text() == "1"


def test_who_lost_the_lease_publishes_no_notebook(memory: Objects, tmp_path: Path) -> None:
    def refuse() -> None:
        raise LedgerWriteError("taken over")

    backend = PublishingBackend(ScriptedBackend(execute_well), memory, refuse)
    with backend:
        backend.submit(make_job(tmp_path))
        assert wait_for_end(backend).status is Status.FAILED
    assert list(memory.list()) == []


def test_while_runs_are_published_others_are_executed(s3: FaultyEndpoint, tmp_path: Path) -> None:
    go_on = threading.Event()

    def wait_and_pass_on(handler: Handler) -> None:
        go_on.wait(60)
        handler.pass_on()

    s3.fail("PUT", "a/nb.ipynb", wait_and_pass_on)
    inner = ScriptedBackend(execute_well, capacity=1)
    with PublishingBackend(inner, Objects(f"s3://{BUCKET}/lr"), lambda: None) as backend:
        assert backend.capacity == 1
        backend.submit(make_job(tmp_path))
        assert len(backend.wait(60)) == 1  # started
        backend.prune("a", "worse than most")
        assert inner.pruned == [("a", "worse than most")]
        backend.wait(0)
        assert backend.capacity == 2
        backend.prune("a", "too late: it is being published")
        assert len(inner.pruned) == 1
        go_on.set()
        assert wait_for_end(backend) == OK
        assert backend.capacity == 1


def test_a_worker_publishes_where_the_coordinators_disk_is_not_seen(memory: Objects, tmp_path: Path) -> None:
    memory.write("source.ipynb", b"{}")
    output = f"{memory.address}/a/output"
    job = Job("a", 1, f"{memory.address}/source.ipynb", f"{memory.address}/a/nb.ipynb", {"output_dir": output}, "/")
    seen: list[Job] = []

    def execute(staged: Job) -> Outcome:
        seen.append(staged)
        assert Path(staged.notebook).read_bytes() == b"{}"
        write_run(staged, x="1")
        return OK

    assert execute_staged(job, execute) == OK
    assert list(memory.list("a")) == ["a/nb.ipynb", "a/output/x"]
    assert seen[0].parameters == {"output_dir": str(Path(seen[0].output).with_name("output"))}
    assert seen[0].address == memory.address
    assert not Path(seen[0].output).parents[1].exists()


def test_a_source_that_cannot_be_fetched_is_an_end_with_the_reason(memory: Objects) -> None:
    job = Job("a", 1, f"{memory.address}/source.ipynb", f"{memory.address}/a/nb.ipynb", {}, "/")
    outcome = execute_staged(job, lambda staged: OK)
    assert outcome.status is Status.FAILED
    assert "source.ipynb cannot be fetched" in outcome.cause


def test_a_sweep_that_is_not_in_a_store_does_without_the_library_of_stores() -> None:
    modules = ("coordinator", "command", "backends.local.backend", "backends.publishing", "worker.attempt")
    imports = "\n".join(f"import colab_starter.run.{name}" for name in modules)
    code = f"import sys\n{imports}\nprint('fsspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
