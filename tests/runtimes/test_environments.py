"""Environments like Colab's runtimes, made by the real uv from wheels of a few lines and the kernel that Colab has."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from colab_starter.errors import PythonMissingError, RuntimeUnavailableError
from colab_starter.runtimes import Runtime, load_runtime
from colab_starter.runtimes import environments as environments_module
from colab_starter.runtimes.environments import Environment, environments_folder, open_environment, remove_unused
from colab_starter.runtimes.resolve import Request
from tests.support.processes import wait_until
from tests.support.runtimes import SEED, SOIL, compiled_once, make_runtime, own_cache, seeds

__all__ = ["compiled_once", "own_cache", "seeds"]

pytestmark = [pytest.mark.usefixtures("own_cache", "compiled_once", "seeds"), pytest.mark.xdist_group("environments")]

OLD = make_runtime("2026.04", "1.0")


def open_quietly(runtime: Runtime = OLD, *packages: str, said: list[str] | None = None) -> Environment:
    return open_environment(Request(runtime, frozenset(packages or [SEED])), (said if said is not None else []).append)


def import_in(environment: Environment, code: str) -> str:
    return subprocess.run([environment.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_an_environment_is_made_once_for_the_same_packages_and_again_if_it_is_damaged_or_half_made(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with open_quietly(said=said) as made:
        assert import_in(made, "import colab_starter_seed, ipykernel; print(ipykernel.__version__)") == "6.17.1"
        assert made.resolution.packages[SEED] == made.resolution.packages[SOIL] == "1.0"
        assert set(made.resolution.packages) >= {"ipython", "pip", "tornado", "pyzmq"}
        assert not {"numpy", "pandas", "tensorflow", "debugpy"} & set(made.resolution.packages)
        [line] = said
        assert re.match(r"making an environment like Colab's runtime 2026\.04: Python 3\.\d+ and \d+ packages", line)
    with open_quietly(make_runtime("2026.07", "1.0"), SEED, SOIL) as shared:
        assert (shared.folder, shared.was_made) == (made.folder, False)
        kernels = Path(shared.jupyter_path, "kernels")
        assert {path.name for path in kernels.iterdir()} >= {"colab-2026.04", "colab-2026.07"}
        spec = json.loads((kernels / "colab-2026.07/kernel.json").read_text())
        assert spec["argv"][0] == shared.python
    with monkeypatch.context() as without:
        without.setattr(environments_module, "get_uv", lambda: pytest.fail("uv is not needed for what is there"))
        with open_quietly() as found:
            assert (found.folder, found.was_made, found.resolution) == (made.folder, False, made.resolution)

    (made.folder / "colab-starter.json").unlink()
    (made.folder / "half").touch()
    with open_quietly() as again:
        assert (again.folder, again.was_made) == (made.folder, True)
        assert not (made.folder / "half").exists()
    (made.folder / "bin/python").unlink()
    (made.folder / "bin/python").symlink_to("/no/such/python")
    for path in (own_cache / "resolutions").iterdir():
        path.write_text('{"python": ')
    with open_quietly() as again:
        assert again.was_made
        assert import_in(again, "print(1)") == "1"


def test_two_at_once_make_one_and_a_process_that_uses_it_keeps_it_from_being_removed() -> None:
    said: list[str] = []
    opened: list[Environment] = []
    threads = [Thread(target=lambda: opened.append(open_quietly(said=said))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.folder for one in opened}) == 1
    assert sum(line.startswith("making") for line in said) == 1
    assert sum(one.was_made for one in opened) >= 1
    for one in opened[1:]:
        one.close()
    assert remove_unused() == (0, 0)
    assert opened[0].folder.exists()
    opened[0].close()
    count, size = remove_unused()
    assert count == 1
    assert size > 0
    assert list(environments_folder().iterdir()) == []
    assert remove_unused() == (0, 0)


MAKE = """\
import sys
from tests.runtimes.test_environments import open_quietly
open_quietly()
"""


def test_a_process_killed_while_it_makes_one_leaves_nothing_that_is_taken_for_whole() -> None:
    killed = subprocess.Popen([sys.executable, "-c", MAKE], cwd=Path(__file__).parents[2])
    wait_until(lambda: list(environments_folder().glob("*/pyvenv.cfg")) or killed.poll() is not None)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    with open_quietly() as made:
        assert made.was_made
        assert import_in(made, "import colab_starter_seed, ipykernel; print(colab_starter_seed.grow)") == "1"


def test_what_cannot_be_had_is_named_and_the_rest_is_installed() -> None:
    runtime = make_runtime("2026.04", "1.5", **{"colab-starter-nowhere": "1.0"})
    with open_quietly(runtime, SEED, "colab-starter-nowhere", "google-colab", "cupy-cuda12x") as made:
        resolution = made.resolution
    assert set(resolution.missing) == {"colab-starter-nowhere", "google-colab", "cupy-cuda12x"}
    assert "not found" in resolution.missing["colab-starter-nowhere"]
    assert "GPU" in resolution.missing["cupy-cuda12x"]
    assert "no version of colab-starter-seed==1.5" in resolution.changed[SEED]
    assert resolution.packages[SEED] in ("1.0", "2.0")


def test_a_python_that_is_nowhere_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "file:///no/such/mirror")
    with pytest.raises(
        PythonMissingError, match=r"^Python 3\.99 is not on this machine, .*python3\.99 is on PATH$"
    ) as no:
        open_quietly(OLD._replace(python="3.99.1"))
    assert "\n" not in str(no.value)


def test_without_a_network_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(environments_folder() / "no-cache"))
    with pytest.raises(RuntimeUnavailableError, match=r"runtime 2026\.04 can be made: .*check the network"):
        open_quietly()


def test_a_cache_that_cannot_be_written_is_one_line(own_cache: Path) -> None:
    own_cache.mkdir(parents=True)
    (own_cache / "environments").write_text("in the way")
    with pytest.raises(RuntimeUnavailableError, match=r"environments cannot be used \(.*XDG_CACHE_HOME can move"):
        open_quietly()


def test_the_kernel_of_the_latest_runtime_is_named_by_its_date_because_it_changes() -> None:
    assert re.fullmatch(r"colab-latest-\d{4}-\d\d-\d\d", _kernel_of(load_runtime("latest")))
    assert _kernel_of(load_runtime("2026.07")) == "colab-2026.07"


def _kernel_of(runtime: Runtime) -> str:
    return Environment(Path(), runtime, None, False, -1).kernel  # type: ignore[arg-type]
