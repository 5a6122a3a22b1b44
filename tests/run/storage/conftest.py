"""A real S3 endpoint for these tests, and stores of other kinds."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL

import boto3
import pytest

from colab_starter.run.storage.lease import Lease
from colab_starter.run.storage.objects import Objects
from tests.run.storage.rig import BUCKET, SETTINGS, Endpoint, FaultyEndpoint, connect, serve
from tests.support.processes import wait_until


@pytest.fixture(scope="session", autouse=True)
def moto() -> Iterator[Endpoint]:
    """A process of its own: in this one, client and server would wait for each other's turns."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = free.getsockname()
    server = Path(sys.executable).with_name("moto_server")
    with subprocess.Popen(
        [server, "-H", endpoint[0], "-p", str(endpoint[1])], stdout=DEVNULL, stderr=DEVNULL
    ) as process:
        try:
            wait_until(lambda: is_served(endpoint))
            yield endpoint
        finally:
            process.terminate()


def is_served(endpoint: Endpoint) -> bool:
    try:
        socket.create_connection(endpoint, timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def s3(
    moto: Endpoint, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FaultyEndpoint]:
    """An endpoint with an empty bucket; this process and those that it starts go there."""
    with serve(moto) as rig:
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": rig.address}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))
        monkeypatch.setattr("tempfile.tempdir", None)
        bucket = boto3.resource("s3", **connect(moto)).Bucket(BUCKET)
        bucket.create()
        yield rig
        bucket.objects.all().delete()
        bucket.delete()
        bucket.meta.client.close()


@pytest.fixture
def memory() -> Objects:
    return Objects(f"memory://{uuid.uuid4().hex}")


@pytest.fixture(params=["memory", "s3", "file"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """Three kinds of stores: a dictionary, a server, and one in which files are not whole by themselves."""
    if request.param == "s3":
        request.getfixturevalue("s3")
        return Objects(f"s3://{BUCKET}/a/sweep")
    return Objects(f"memory://{uuid.uuid4().hex}/sweep" if request.param == "memory" else f"file://{tmp_path}/sweep")


@pytest.fixture
def lease(memory: Objects) -> Iterator[Lease]:
    lease = Lease(memory)
    yield lease
    lease.release()
