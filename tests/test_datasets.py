"""The data sets of the lessons: downloaded from a real server on this machine, checked, cached, or replaced."""

import hashlib
import http.client
import http.server
import io
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.conftest import REPOSITORY, read_notebook


class Server(http.server.ThreadingHTTPServer):
    """Serves one file and counts how often it was asked for."""

    content = b""
    status = 200
    requests = 0
    cut = 0


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content) + self.server.cut))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def load_shared(*names: str) -> SimpleNamespace:
    """The functions of templates/shared, beside the imports that mnist_cnn.py puts above them."""
    imports = {"hashlib": hashlib, "http": http, "os": os, "urllib": urllib, "Path": Path, "np": np}
    namespace: dict[str, Any] = dict(imports)
    for name in names:
        exec((REPOSITORY / f"templates/shared/{name}.py").read_text(), namespace)
    return SimpleNamespace(namespace=namespace, **{k: v for k, v in namespace.items() if not k.startswith("__")})


@pytest.fixture
def tiny_mnist() -> bytes:
    file = io.BytesIO()
    images = np.zeros((3, 28, 28), "uint8")
    np.savez(file, x_train=images, y_train=np.arange(3), x_test=images[:1], y_test=np.arange(1))
    return file.getvalue()


@pytest.fixture
def mnist(server: Server, tiny_mnist: bytes) -> SimpleNamespace:
    """The MNIST functions, with the address and the checksum of a tiny file on this machine."""
    server.content = tiny_mnist
    shared = load_shared("mnist", "small_digits", "digits")
    shared.namespace["MNIST_URL"] = f"http://127.0.0.1:{server.server_port}/mnist.npz"
    shared.namespace["MNIST_SHA256"] = hashlib.sha256(tiny_mnist).hexdigest()
    return shared


def test_mnist_is_downloaded_once_and_then_read_from_the_folder(
    mnist: SimpleNamespace, server: Server, tmp_path: Path
) -> None:
    for _ in range(2):
        name, ((x_train, y_train), (x_test, y_test)) = mnist.load_images("auto", tmp_path / "data")
        assert name == "mnist"
        assert [array.shape for array in (x_train, y_train, x_test, y_test)] == [(3, 28, 28), (3,), (1, 28, 28), (1,)]
    assert server.requests == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mnist.npz"]


def test_a_damaged_file_in_the_folder_is_downloaded_again(
    mnist: SimpleNamespace, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "mnist.npz").write_bytes(b"half a download")
    assert mnist.load_images("mnist", tmp_path)[0] == "mnist"
    assert server.requests == 1


def test_a_damaged_download_is_not_kept(
    mnist: SimpleNamespace, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.content = b"an error page"
    assert mnist.load_images("auto", tmp_path)[0] == "digits"
    assert "the downloaded mnist.npz is damaged" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [404, 500])
def test_auto_says_why_it_took_the_small_digits(
    mnist: SimpleNamespace, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    server.status = status
    name, ((x_train, y_train), (x_test, y_test)) = mnist.load_images("auto", tmp_path)
    assert name == "digits"
    assert f"HTTP Error {status}" in capsys.readouterr().out
    assert (len(x_train), len(x_test)) == (1440 * 9, 357)
    assert x_train.shape[1:] == x_test.shape[1:] == (28, 28)
    assert x_train.dtype == np.uint8
    assert sorted(set(y_train)) == sorted(set(y_test)) == list(range(10))


def test_a_download_that_breaks_off_is_not_kept(
    mnist: SimpleNamespace, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.cut = 1000
    assert mnist.load_images("auto", tmp_path)[0] == "digits"
    assert "1000 more expected" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_mnist_asked_for_by_name_is_not_replaced(mnist: SimpleNamespace, server: Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(OSError, match="404"):
        mnist.load_images("mnist", tmp_path)


def test_the_small_digits_can_be_asked_for(mnist: SimpleNamespace, server: Server, tmp_path: Path) -> None:
    assert mnist.load_images("digits", tmp_path)[0] == "digits"
    assert server.requests == 0


def test_an_unknown_data_set_names_the_known_ones(mnist: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"auto", "mnist" or "digits", not \'cifar\''):
        mnist.load_images("cifar", tmp_path)


def test_no_held_out_digit_is_among_the_training_images(mnist: SimpleNamespace, tmp_path: Path) -> None:
    _, ((x_train, _), (x_test, _)) = mnist.load_images("digits", tmp_path)
    unshifted = {image.tobytes() for image in x_train[4::9]}
    assert len(unshifted) == 1440
    assert not any(image.tobytes() in unshifted for image in x_test)


def test_the_copies_of_a_digit_stay_on_one_side_when_the_last_tenth_is_kept_for_validation(
    mnist: SimpleNamespace, tmp_path: Path
) -> None:
    _, ((x_train, _), _) = mnist.load_images("digits", tmp_path)
    assert len(x_train) // 10 % 9 == 0
    copies = {np.roll(image, (2, 2), axis=(0, 1)).tobytes() for image in x_train[: -len(x_train) // 10][4::9]}
    assert not any(
        np.roll(image, (2, 2), axis=(0, 1)).tobytes() in copies for image in x_train[-len(x_train) // 10 :][4::9]
    )


FOUR_IMAGES = np.zeros((4, 28, 28), "uint8"), np.arange(4)


def give_mnist(**_: Any) -> Any:
    return FOUR_IMAGES, FOUR_IMAGES


def fail(**_: Any) -> Any:
    raise RuntimeError("no network")


def load_in_lesson(project: Path, lesson: str, folder: Path, **names: Any) -> dict[str, Any]:
    """What the cell that loads the data makes of the names, which stand for what the cells above it define."""
    cell = next(
        cell for cell in read_notebook(project / f"notebooks/{lesson}.ipynb").cells if cell.id.endswith("-data")
    )
    namespace: dict[str, Any] = {"results_dir": folder, "dataset": "auto", "load_small_digits": give_mnist, **names}
    namespace["network_timeout"] = nullcontext
    exec(cell.source, namespace)
    return namespace


class FakeMnist:
    """torchvision's data set: tensors, and a place to keep the files."""

    calls: ClassVar[list[tuple[Path, bool, bool]]] = []

    def __init__(self, root: Path, train: bool, download: bool) -> None:
        self.calls.append((root, train, download))
        self.data, self.targets = (SimpleNamespace(numpy=lambda array=array: array) for array in FOUR_IMAGES)


def put_torchvision(monkeypatch: pytest.MonkeyPatch, mnist: Any) -> None:
    module = ModuleType("torchvision")
    module.datasets = SimpleNamespace(MNIST=mnist)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", module)


def keras_with(load: Any) -> SimpleNamespace:
    return SimpleNamespace(datasets=SimpleNamespace(mnist=SimpleNamespace(load_data=load)))


def test_the_keras_lesson_takes_mnist_from_keras(all_lessons: Path, tmp_path: Path) -> None:
    found = load_in_lesson(all_lessons, "keras", tmp_path, keras=keras_with(give_mnist), load_small_digits=fail)
    assert (found["used_dataset"], len(found["x_train"]), len(found["y_test"])) == ("mnist", 4, 4)


def test_the_pytorch_lesson_takes_mnist_from_torchvision(
    all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_torchvision(monkeypatch, FakeMnist)
    found = load_in_lesson(all_lessons, "pytorch", tmp_path, load_small_digits=fail)
    assert (found["used_dataset"], len(found["x_train"]), len(found["y_test"])) == ("mnist", 4, 4)
    assert FakeMnist.calls == [(tmp_path / "data", True, True), (tmp_path / "data", False, True)]


@pytest.mark.parametrize("lesson", ["keras", "pytorch"])
def test_a_lesson_takes_the_small_digits_and_says_why_or_fails_if_mnist_was_asked_for(
    all_lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lesson: str
) -> None:
    put_torchvision(monkeypatch, lambda *_, **__: fail())
    assert load_in_lesson(all_lessons, lesson, tmp_path, keras=keras_with(fail))["used_dataset"] == "digits"
    assert "Small digits instead of MNIST: no network" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="no network"):
        load_in_lesson(all_lessons, lesson, tmp_path, keras=keras_with(fail), dataset="mnist")
    load_in_lesson(all_lessons, lesson, tmp_path, keras=keras_with(give_mnist), dataset="digits")
    assert "the small digits were asked for" in capsys.readouterr().out


def test_the_network_has_its_time_limit_back_after_the_download() -> None:
    namespace: dict[str, Any] = {"socket": socket, "contextmanager": contextmanager}
    exec((REPOSITORY / "templates/shared/network_timeout.py").read_text(), namespace)
    before = socket.getdefaulttimeout()

    def fail_to_download() -> None:
        with namespace["network_timeout"](20):
            raise OSError(f"no network after {socket.getdefaulttimeout():.0f} s")

    with pytest.raises(OSError, match="no network after 20 s"):
        fail_to_download()
    assert socket.getdefaulttimeout() == before
