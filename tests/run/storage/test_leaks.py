"""Twenty secrets are let out in every way: none of them is in any file of a sweep, its report or a bucket."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from tests.run.leaky import (
    ENVIRONMENT,
    WAYS,
    count_masks,
    find_leaks,
    options,
    read_all,
    write_notebook,
)
from tests.run.storage.rig import BUCKET, Endpoint, FaultyEndpoint, connect
from tests.support.commands import call_command
from tests.support.marks import weekly
from tests.support.processes import COMMAND

CallHere = Callable[..., bytes]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"), prepend=os.pathsep)
    write_notebook(tmp_path)


def call(folder: Path, *arguments: str, status: int) -> bytes:
    """What the command prints."""
    result = subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, timeout=240)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture
def call_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CallHere:
    """The same in this process, which takes a third less."""

    def call_command_here(*arguments: str, status: int) -> bytes:
        monkeypatch.chdir(tmp_path)
        ended = call_command(monkeypatch, capfd, *arguments)
        assert ended.status == status, ended.out + ended.err
        return (ended.out + ended.err).encode()

    return call_command_here


@pytest.mark.parametrize("start", [[], weekly(["--cold"])], ids=["warm", "cold"])
def test_no_file_of_a_sweep_and_of_its_report_holds_a_secret(
    tmp_path: Path, call_here: CallHere, start: list[str]
) -> None:
    run = ["run", "leaky.ipynb", *options(), "--out", "out", *start]
    said = {"dry run": call_here(*run, "--dry-run", status=0), "sweep": call(tmp_path, *run, status=1)}
    said["again"] = call_here(*run, "--retry-failed", "--json", status=1)
    said["report"] = call_here("report", "out", status=0)
    files = read_all(tmp_path / "out")
    assert find_leaks(files) == find_leaks(said) == []
    by_run = {way: next((tmp_path / "out").glob(f"*how={way}*")) for way in WAYS}
    for way, folder in by_run.items():
        assert count_masks([(folder / "kernel.log").read_bytes()]) >= 2 * len(ENVIRONMENT), way
        assert (folder / "leaky.ipynb").exists() == (way != "worker")
    assert count_masks([(by_run["ends"] / "leaky.ipynb").read_bytes()]) > 15 * len(ENVIRONMENT)
    assert count_masks([(by_run["fails"] / "leaky.html").read_bytes()]) > len(ENVIRONMENT)
    if not start:
        assert count_masks([files[str(tmp_path / "out/warm.log")]]) > 2


def test_no_object_of_a_bucket_and_no_file_on_the_way_there_holds_a_secret(
    tmp_path: Path, s3: FaultyEndpoint, moto: Endpoint, call_here: CallHere
) -> None:
    run = ["run", "leaky.ipynb", *options(), "--out", f"s3://{BUCKET}/leaky", "-q"]
    said = {"sweep": call_here(*run, status=1), "report": call_here("report", run[-2], status=0)}
    bucket = boto3.resource("s3", **connect(moto)).Bucket(BUCKET)
    objects = {found.key: found.get()["Body"].read() for found in bucket.objects.all()}
    bucket.meta.client.close()
    assert find_leaks({**objects, **said, **read_all(Path(os.environ["TMPDIR"]))}) == []
    assert len([name for name in objects if name.endswith("/kernel.log")]) == len(WAYS)
    assert count_masks(objects.values()) > 60 * len(ENVIRONMENT)
