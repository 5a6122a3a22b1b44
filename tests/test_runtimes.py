"""The table of Colab's runtimes, the command that shows it, and its refresh from a real HTTP server."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from packaging.utils import canonicalize_name

from colab_starter.errors import UnknownRuntimeError
from colab_starter.runtimes import (
    CORE_PACKAGES,
    Image,
    Runtime,
    load_runtime,
    package_of_module,
    runtime_names,
)
from colab_starter.runtimes import refresh as refresh_module
from colab_starter.runtimes.freeze import parse_apt_list, parse_freeze
from colab_starter.runtimes.packages import TRACKED_APT, TRACKED_PACKAGES
from colab_starter.runtimes.table import cache_path, gpu_packages, pip_constraints, runtime_text
from tests.conftest import REPOSITORY
from tests.support.commands import Ended, call_command

TEMPLATE_RUNTIMES = json.loads((REPOSITORY / "templates/runtimes.json").read_text(encoding="utf-8"))
LESSONS_TABLE = json.loads((REPOSITORY / "templates/lessons.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of this test's own; returns the file that a refresh writes."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "cache"))
    return cache_path()


Command = Callable[..., Ended]


@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls ``colab-starter runtimes`` with arguments."""

    def call(*arguments: str) -> Ended:
        return call_command(monkeypatch, capsys, "runtimes", *arguments)

    return call


def test_the_table_and_the_template_know_the_same_runtimes_with_the_same_python() -> None:
    pythons = {name: {"python": load_runtime(name).python.rpartition(".")[0]} for name in runtime_names()}
    assert pythons == TEMPLATE_RUNTIMES
    assert list(pythons) == list(TEMPLATE_RUNTIMES)


@pytest.mark.parametrize("name", runtime_names())
def test_a_file_of_the_table_is_as_a_refresh_would_write_it(name: str) -> None:
    file = REPOSITORY / f"colab_starter/runtimes/data/{name}.json"
    assert file.read_text(encoding="utf-8") == runtime_text(load_runtime(name))


@pytest.mark.parametrize("name", runtime_names())
def test_names_are_normalised_and_stand_once(name: str) -> None:
    runtime = load_runtime(name)
    assert all(package == canonicalize_name(package) for package in [*runtime.packages, *runtime.also])
    assert not runtime.packages.keys() & runtime.also
    assert all(runtime.packages.values())
    for image in (image for image in (runtime.gpu, runtime.tpu) if image):
        assert not image.lacks & (image.packages.keys() | image.also)
        assert image.lacks <= runtime.packages.keys() | runtime.also


def test_the_newest_runtime_has_what_google_published() -> None:
    latest = load_runtime("latest")
    assert (latest.date, latest.python, latest.os) == ("2026-08-19", "3.13.15", "Ubuntu 22.04.5 LTS")
    assert latest.packages["torch"] == "2.11.0+cpu"
    assert gpu_packages(latest)["torch"] == "2.11.0+cu128"
    assert latest.tpu is not None
    assert "tensorflow" in latest.tpu.lacks
    assert latest.apt["graphviz"] == "2.42.2-6ubuntu0.1"


def test_every_package_that_is_kept_with_its_version_is_on_some_runtime() -> None:
    known = [load_runtime(name) for name in runtime_names()]
    images = [image for runtime in known for image in (runtime.gpu, runtime.tpu) if image]
    everything: list[Runtime | Image] = [*known, *images]
    assert {package for has in everything for package in has.packages} == TRACKED_PACKAGES
    assert {package for runtime in known for package in runtime.apt} == TRACKED_APT


def test_the_version_of_every_core_package_is_kept() -> None:
    assert CORE_PACKAGES <= TRACKED_PACKAGES


def test_an_unknown_runtime_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UnknownRuntimeError, match=r"'2024\.01' is known; take one of latest, 2026\.07, "):
        load_runtime("2024.01")


@pytest.mark.parametrize(
    ("module", "package"),
    {
        "numpy": "numpy",
        "cv2": "opencv-python",
        "sklearn.metrics": "scikit-learn",
        "PIL.Image": "pillow",
        "tensorflow_datasets": "tensorflow-datasets",
        "google": "google",
        "google.colab.drive": "google-colab",
        "google.protobuf": "protobuf",
        "google.cloud": "google-cloud-core",
        "google.cloud.storage.blob": "google-cloud-storage",
        "google.cloud.language_v1": "google-cloud-language",
        "mpl_toolkits.mplot3d": "matplotlib",
        "unknown_module.part": "unknown-module",
    }.items(),
)
def test_an_import_is_traced_to_its_package(module: str, package: str) -> None:
    assert package_of_module(module) == package


@pytest.mark.parametrize("lesson", LESSONS_TABLE)
def test_colab_has_every_module_that_our_lessons_import(lesson: str) -> None:
    for module in LESSONS_TABLE[lesson]["pip"]:
        assert package_of_module(module) in load_runtime("latest").packages


def test_a_freeze_is_read_with_addresses_comments_and_local_versions() -> None:
    freeze = """\
# written by pip freeze
Flask_SQLAlchemy==3.1.1
google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz#sha256=0123
en_core_web_sm @ https://github.com/x/en_core_web_sm-3.8.0-py3-none-any.whl#sha256=4567
jupyter_kernel_gateway @ git+https://github.com/googlecolab/kernel_gateway@b134e9945df25c2dcb98ade9129399be10788671
torch==2.11.0+cu128
"""
    assert parse_freeze(freeze) == {
        "flask-sqlalchemy": "3.1.1",
        "google-colab": "1.0.0",
        "en-core-web-sm": "3.8.0",
        "jupyter-kernel-gateway": "",
        "torch": "2.11.0+cu128",
    }


def test_a_list_of_apt_is_read() -> None:
    text = "Listing...\nlibarchive13/jammy-updates,jammy-security,now 3.6.0-1ubuntu1.8 amd64 [installed]\n"
    assert parse_apt_list(text) == {"libarchive13": "3.6.0-1ubuntu1.8"}


def test_list_shows_each_runtime_in_a_line(runtimes: Command) -> None:
    lines = runtimes("list").out.splitlines()
    assert lines[0].split() == ["name", "date", "python", "tensorflow", "torch", "keras", "numpy"]
    assert lines[1].split() == ["latest", "2026-08-19", "3.13.15", "2.20.0", "2.11.0", "3.13.2", "2.1.3"]
    assert len(lines) == 1 + len(runtime_names())


def test_show_prints_everything_that_the_table_holds(runtimes: Command) -> None:
    shown = runtimes("show", "latest").out
    assert "Python 3.13.15" in shown
    assert set(load_runtime("latest").also) <= set(shown.split())


def test_show_tells_a_package_in_each_image(runtimes: Command) -> None:
    torch = runtimes("show", "latest", "--package", "torch", "--json")
    assert json.loads(torch.out) == {"name": "torch", "cpu": "2.11.0+cpu", "gpu": "2.11.0+cu128", "tpu": "2.9.0+cpu"}
    sphinx = runtimes("show", "latest", "--package", "Sphinx")
    assert sphinx.out.splitlines()[1:] == [
        "cpu   8.2.3",
        "gpu   there (the table keeps no version)",
        "tpu   missing",
    ]


@pytest.mark.parametrize(
    ("package", "hint"),
    [("cv2", "a module of that name is in opencv-python"), ("papermill", "install it in the notebook")],
)
def test_show_says_what_to_do_about_a_missing_package(runtimes: Command, package: str, hint: str) -> None:
    ended = runtimes("show", "latest", "--package", package)
    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert f"latest has no package '{package}'; {hint}" in ended.err


def test_an_unknown_runtime_is_wrong_usage(runtimes: Command) -> None:
    assert runtimes("show", "2024.01").status == 2


def test_show_prints_constraints_that_pip_takes_from_pypi(runtimes: Command) -> None:
    lines = runtimes("show", "latest", "--constraints").out.split()
    assert lines == pip_constraints(load_runtime("latest"))
    assert {"numpy==2.1.3", "torch==2.11.0"} <= set(lines)


def test_diff_shows_what_changed_came_and_went(runtimes: Command) -> None:
    difference = json.loads(runtimes("diff", "2026.07", "latest", "--json").out)
    assert difference["python"] == ["3.12.13", "3.13.15"]
    assert difference["changed"]["numpy"] == ["2.0.2", "2.1.3"]
    assert "audioop-lts" in difference["added"]
    text = runtimes("diff", "2026.07", "latest").out
    assert text.startswith("Python 3.12.13 -> 3.13.15\n")
    assert "2.0.2 -> 2.1.3" in text


def test_a_runtime_does_not_differ_from_itself(runtimes: Command) -> None:
    assert runtimes("diff", "2026.01", "2026.01").out == "Python 3.12.12 -> 3.12.12\n"


def test_json_shows_names_one_by_one(runtimes: Command) -> None:
    shown = json.loads(runtimes("show", "latest", "--json").out)
    assert shown["also"] == sorted(load_runtime("latest").also)
    assert json.loads(runtimes("list", "--json").out)[0]["name"] == "latest"


Reply = tuple[int, bytes, int]
"""Status, body, and the Content-Length that the server claims."""


class Server:
    """A stand-in for backend-info: its files, and how it answers for them."""

    def __init__(self, address: str, files: dict[str, Reply]) -> None:
        self.address = address
        self.files = files

    def put(self, file: str, text: str, status: int = 200, lost: int = 0) -> None:
        """Serve the text, without its last ``lost`` bytes, which the Content-Length counts all the same."""
        body = text.encode()
        self.files[file] = status, body[: len(body) - lost], len(body)


@contextmanager
def serving(files: dict[str, Reply]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, length = files[self.path.removeprefix("/")]
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def backend_info(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that publishes the latest runtime of the table, with a newer numpy."""
    files: dict[str, Reply] = {}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(files) as address:
        monkeypatch.setenv("COLAB_STARTER_BACKEND_INFO", address)
        server = Server(address, files)
        for file, text in published(load_runtime("latest")).items():
            server.put(file, text)
        yield server


def published(runtime: Runtime) -> dict[str, str]:
    """The lists that describe the runtime, with NumPy 9."""
    assert runtime.gpu
    assert runtime.tpu
    apt = {**runtime.apt, **dict.fromkeys(runtime.apt_also, "1.0")}
    return {
        "os-info.txt": f"# written by a script\n{runtime.os}\nPython {runtime.python}\nR version 4.6.1\n",
        "apt-list.txt": "".join(f"{name}/jammy,now {version} amd64 [installed]\n" for name, version in apt.items()),
        "pip-freeze.txt": freeze(runtime, Image({}, frozenset(), frozenset())),
        "pip-freeze.gpu.txt": freeze(runtime, runtime.gpu),
        "pip-freeze.tpu.txt": freeze(runtime, runtime.tpu),
    }


def freeze(runtime: Runtime, image: Image) -> str:
    unknown = dict.fromkeys(runtime.also | image.also, "") | {**runtime.also_versions}
    versions = unknown | {**runtime.packages, **image.packages, "numpy": "9.0"}
    there = {name: version for name, version in versions.items() if name not in image.lacks}
    return "".join(f"{name}=={there[name]}\n" if there[name] else f"{name} @ git+https://x/{name}\n" for name in there)


@pytest.mark.usefixtures("backend_info")
def test_a_refresh_makes_the_newest_lists_the_latest_runtime(runtimes: Command, cache: Path) -> None:
    before = load_runtime("latest")
    ended = runtimes("refresh")
    latest = load_runtime("latest")
    assert ended.status == 0
    assert ended.out == f"latest is now of {latest.date}, with Python 3.13.15; kept in {cache}\n"
    assert latest.date > before.date
    assert latest == before._replace(
        date=latest.date, commit="main", packages={**before.packages, "numpy": "9.0"}, cuda="12.8"
    )
    assert json.loads(runtimes("list", "--json").out)[0]["numpy"] == "9.0"
    assert list(cache.parent.iterdir()) == [cache]


FAULTS: dict[str, Callable[[Server], None]] = {
    "HTTP Error 404": lambda server: server.put("pip-freeze.txt", "404: Not Found", status=404),
    "HTTP Error 500": lambda server: server.put("apt-list.txt", "", status=500),
    "IncompleteRead": lambda server: server.put("pip-freeze.txt", "numpy==9.0\n" * 400, lost=200),
    "not a line of a pip freeze: '<html>'": lambda server: server.put("pip-freeze.txt", "<html>\n" * 400),
    "no package in the list of apt": lambda server: server.put("apt-list.txt", "<html>\n" * 600),
    "the list of the system names no Python": lambda server: server.put("os-info.txt", "<html>\n<html>\n"),
    "pip-freeze.gpu.txt is not whole": lambda server: server.put("pip-freeze.gpu.txt", "numpy==9.0\n" * 20),
    "pip-freeze.tpu.txt is not whole": lambda server: server.put("pip-freeze.tpu.txt", "numpy==9.0\n" * 400 + "to"),
    "a pip freeze without google-colab": lambda server: server.put("pip-freeze.txt", "numpy==9.0\n" * 400),
    "codec can't decode byte": lambda server: server.files.update({"os-info.txt": (200, b"\xff\n\n", 3)}),
}
"""What the message says -> what is wrong with the server."""


@pytest.mark.parametrize("reason", FAULTS)
def test_nonsense_never_replaces_a_good_list(runtimes: Command, cache: Path, backend_info: Server, reason: str) -> None:
    runtimes("refresh")
    good = cache.read_bytes()
    FAULTS[reason](backend_info)
    ended = runtimes("refresh")
    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert reason in ended.err
    assert f"using those of {load_runtime('latest').date} with Python 3.13.15" in ended.err
    assert cache.read_bytes() == good
    assert list(cache.parent.iterdir()) == [cache]


def test_without_a_network_one_line_says_what_is_used(
    runtimes: Command, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("COLAB_STARTER_BACKEND_INFO", address)
    ended = runtimes("refresh")
    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert "Connection refused" in ended.err
    assert "using those of 2026-08-19" in ended.err
    assert not cache.parent.exists()


def test_a_server_that_keeps_silent_is_given_up(runtimes: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_module, "TIMEOUT", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("COLAB_STARTER_BACKEND_INFO", f"http://127.0.0.1:{silent.getsockname()[1]}")
        ended = runtimes("refresh")
    assert ended.status == 1
    assert "timed out" in ended.err


@pytest.mark.usefixtures("backend_info")
def test_a_cache_that_cannot_be_written_is_one_line(runtimes: Command, cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("in the way")
    ended = runtimes("refresh")
    assert ended.status == 1
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"also": 3}', "null"])
def test_a_damaged_cache_is_passed_over(cache: Path, text: str) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text(text)
    assert load_runtime("latest").date == "2026-08-19"


def test_a_cache_older_than_the_package_is_passed_over(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text(runtime_text(load_runtime("latest")._replace(date="2026-08-01", python="3.12.0")))
    assert load_runtime("latest").python == "3.13.15"
