"""The objects of a store, and the faults of networks and servers."""

import errno
import time
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import StoreAddressError
from colab_starter.run.outcome import Outcome, Status
from colab_starter.run.storage import objects as objects_module
from colab_starter.run.storage.address import is_address, read_path
from colab_starter.run.storage.choice import open_store
from colab_starter.run.storage.objects import Objects
from tests.run.storage.rig import BUCKET, FaultyEndpoint, answer_500, be_slow, cut, lose_answer

OK = Outcome(Status.OK, seconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("s3://bucket/lr", True), ("memory://x", True), ("runs/lr", False), ("/runs", False), ("file:///runs", False)],
)
def test_addresses_are_told_from_paths(text: str, expected: bool) -> None:
    assert is_address(text) is expected
    assert open_store(text).is_remote is expected


def test_a_file_address_is_a_path() -> None:
    assert read_path("file:///runs/lr") == Path("/runs/lr")


@pytest.mark.parametrize("address", ["nonsense://bucket/lr", "s3://"])
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    with pytest.raises(StoreAddressError, match=r"^\S+ (is not a valid address|names no folder).*give"):
        open_store(address)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_import_error(*_: Any, **__: Any) -> None:
        raise ImportError("Install gcsfs to access Google Storage")

    monkeypatch.setattr(objects_module, "url_to_fs", raise_import_error)
    with pytest.raises(StoreAddressError, match=r'--out gs:// needs more; run: pip install "colab-starter\[gs\]"$'):
        open_store("gs://bucket/lr")


def test_objects_are_written_read_listed_and_removed(objects: Objects, tmp_path: Path) -> None:
    assert objects.list() == {}
    with pytest.raises(FileNotFoundError):
        objects.read("none")
    objects.write("a/b[1].ipynb", b"one")
    objects.write("a/b[1].ipynb", b"two")
    (tmp_path / "local").write_bytes(b"three")
    objects.put({"a/c": tmp_path / "local", "d": tmp_path / "local"})
    assert list(objects.list()) == ["a/b[1].ipynb", "a/c", "d"]
    assert abs(objects.list("a")["a/c"] - time.time()) < 60
    assert objects.read("a/b[1].ipynb") == b"two"
    assert objects.read_all(["a/c", "d"]) == {"a/c": b"three", "d": b"three"}
    objects.get({"a/b[1].ipynb": tmp_path / "x/y", "d": tmp_path / "x/z"})
    assert [(tmp_path / "x" / name).read_bytes() for name in "yz"] == [b"two", b"three"]
    objects.remove(["a/b[1].ipynb", "a/c", "never/there"])
    assert list(objects.list()) == ["d"]


def test_of_several_that_create_an_object_one_does(objects: Objects) -> None:
    objects.create("lock", b"mine")
    with pytest.raises(FileExistsError):
        objects.create("lock", b"yours")
    assert objects.read("lock") == b"mine"


@pytest.mark.parametrize("fault", [answer_500, cut, lose_answer, be_slow])
def test_what_passes_is_tried_again(s3: FaultyEndpoint, fault: Any) -> None:
    objects = Objects(f"s3://{BUCKET}/lr")
    s3.fail("PUT", "lr/a", fault, times=2)
    s3.fail("GET", "lr/a", fault, times=1)
    content = bytes(200_000)
    objects.write("a", content)
    assert objects.read("a") == content
    s3.fail("PUT", "lr/lock", fault)
    objects.create("lock", b"mine")


def test_what_stays_is_one_line_with_the_reason(s3: FaultyEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "PATIENCE", 0.1)
    objects = Objects(f"s3://{BUCKET}/lr")
    s3.fail("PUT", "lr/a", answer_500, times=100)
    with pytest.raises(OSError, match="Internal Server Error") as raised:
        objects.write("a", b"x")
    assert raised.value.strerror
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(OSError, match="Could not connect") as raised:
        Objects(f"s3://{BUCKET}/lr").read("a")
    assert raised.value.errno == errno.EIO


def test_what_cannot_pass_is_not_tried_again(s3: FaultyEndpoint) -> None:
    with pytest.raises(FileNotFoundError, match="bucket does not exist"):
        Objects("s3://no-such-bucket/lr").write("a", b"x")
    assert len([request for request in s3.requests if request.startswith("PUT")]) == 1


def test_nothing_half_is_seen_when_an_upload_is_cut(s3: FaultyEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects_module, "PATIENCE", 0.1)
    objects = Objects(f"s3://{BUCKET}/lr")
    objects.write("a", b"old")
    s3.fail("PUT", "lr/a", cut, times=100)
    with pytest.raises(OSError, match=r"."):
        objects.write("a", bytes(1_000_000))
    assert objects.read("a") == b"old"
