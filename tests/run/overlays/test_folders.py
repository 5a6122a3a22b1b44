"""Overlays by themselves: what is in them, where they are, and who removes them."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.errors import OverlayError
from colab_starter.run.job import Overlay
from colab_starter.run.overlays.entering import enter, find_python
from colab_starter.run.overlays.folders import Overlays, name_home
from colab_starter.run.overlays.leaving import remove_if_left
from tests.run.overlays.packages import Environment, list_overlays, write_project, write_wheel

FAKE_UV = '#!/bin/sh\necho "$UV_PYTHON $*"\n'


@pytest.fixture
def overlays() -> Iterator[Overlays]:
    made = Overlays()
    yield made
    made.close()


def call(overlay: Overlay, *command: str, **variables: str) -> str:
    """What a program prints in an overlay."""
    environment = enter({**os.environ, **variables}, overlay.folder)
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_an_overlay_has_the_packages_below_and_its_own_before_them(
    overlays: Overlays, environment: Environment, wheels: Path
) -> None:
    made = overlays.find(Overlay(environment.python))
    show = [find_python(made.folder), "-c", "import sys, victim; print(victim.version, sys.prefix, sys.executable)"]
    assert call(made, *show) == f"1.0 {made.folder} {made.folder}/bin/python\n"
    assert overlays.find(Overlay(environment.python)) == made
    call(made, "pip", "install", "--no-index", "--find-links", str(wheels), "victim==2.0")
    assert call(made, *show).startswith("2.0 ")
    changed = overlays.find(Overlay(environment.python))
    assert changed.folder == made.folder
    assert changed.state != made.state
    assert overlays.find(Overlay(environment.python, name="other")).folder != made.folder
    overlays.close()
    assert list_overlays() == []


def test_folders_with_odd_names_do(environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shebang with such a path would not work."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "it's a čache" / ("long" * 40)))
    overlays = Overlays()
    made = overlays.find(Overlay(environment.python))
    call(made, "pip", "install", "--no-index", str(write_wheel(tmp_path, "newcomer", program=True)))
    assert call(made, "teller") == call(made, "newcomer") == "program sees 1.0\n"
    overlays.close()
    assert list_overlays() == []


def test_the_settings_of_the_environment_below_are_its_settings_too(
    overlays: Overlays, environment: Environment, wheels: Path
) -> None:
    """Such as the address of a company's own package index; and where Jupyter's files are."""
    (environment.folder / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n")
    made = overlays.find(Overlay(environment.python))
    misled = {"PIP_TARGET": "/nowhere", "PIP_USER": "1"}
    assert "newcomer-1.0" in call(made, "pip", "install", "newcomer==1.0", PIP_FIND_LINKS="", **misled)
    call(made, "pip", "config", "--site", "set", "global.timeout", "7")
    assert "timeout" not in (environment.folder / "pip.conf").read_text()
    entered = enter({"PATH": "/bin", "JUPYTER_PATH": "/mine"}, made.folder)
    assert entered["JUPYTER_PATH"] == f"/mine:{environment.folder}/share/jupyter"
    assert enter(entered, made.folder) == entered


def test_packages_of_the_user_are_seen(overlays: Overlays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python: str = sys._base_executable  # type: ignore[attr-defined]
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    ask = [python, "-c", "import site; print(site.getusersitepackages())"]
    own = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    own.mkdir(parents=True)
    (own / "of_user.py").write_text("print('seen')")
    made = overlays.find(Overlay(python))
    assert call(made, find_python(made.folder), "-c", "import of_user") == "seen\n"


def test_an_environment_without_pip_has_an_overlay_with_it(overlays: Overlays, tmp_path: Path) -> None:
    """uv makes such environments, and `pip` would be that of another one."""
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    made = overlays.find(Overlay(str(tmp_path / "bare/bin/python")))
    log = tmp_path / "log"
    project = write_project(tmp_path / "slow", write_wheel(tmp_path, "slow"), log)
    call(made, "pip", "install", "--no-index", str(project))
    assert log.read_text() == "begin\nend\n"
    assert Path(made.folder, ".lock").exists()
    assert call(made, "python", "-c", "import slow; print(slow.version)") == "1.0\n"


def test_uv_installs_into_the_overlay_whatever_it_is_told(
    overlays: Overlays, environment: Environment, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "uv").write_text(FAKE_UV)
    (programs / "uv").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        made = overlays.find(Overlay(environment.python))
    own = find_python(made.folder)
    assert call(made, "uv", "pip", "install", "--system", "six", PATH=path) == f"{own} pip install --system six\n"
    assert call(made, "sh", "-c", "UV_SYSTEM_PYTHON=1 uv pip install six", PATH=path) == f"{own} pip install six\n"
    assert call(made, "uv", "pip", "install", "six", PATH=path) == f"{own} pip install six\n"
    assert call(made, "uv", "venv", PATH=path) == " venv\n"
    activated = "VIRTUAL_ENV=/somewhere; export VIRTUAL_ENV; uv pip install six"
    assert call(made, "sh", "-c", activated, PATH=path) == " pip install six\n"


def test_overlays_of_killed_sweeps_are_removed_and_others_are_not(
    overlays: Overlays, environment: Environment, tmp_path: Path
) -> None:
    killed, working = Overlays(), Overlays()
    left = killed.find(Overlay(environment.python))
    used = working.find(Overlay(environment.python))
    for descriptor in killed.descriptors:
        os.close(descriptor)
    made = overlays.find(Overlay(environment.python))
    assert {str(path) for path in list_overlays()} == {used.folder, made.folder}
    assert not Path(left.folder).exists()
    remove_if_left(Path(used.folder))
    assert Path(used.folder).exists()
    for descriptor in working.descriptors:
        os.close(descriptor)
    remove_if_left(Path(used.folder))
    assert not Path(used.folder).exists()


def test_without_a_cache_folder_they_are_in_the_temporary_one(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    overlays = Overlays()
    made = Path(overlays.find(Overlay(environment.python)).folder)
    assert made.parent.parent == tmp_path
    assert made.parent.stat().st_mode & 0o777 == 0o700
    overlays.close()
    assert not made.exists()


@pytest.mark.parametrize("python", ["/nowhere/python", shutil.which("false")])
def test_what_cannot_be_made_is_one_line_with_the_remedy_and_leaves_nothing(overlays: Overlays, python: str) -> None:
    with pytest.raises(OverlayError, match="--in-place does without") as caught:
        overlays.find(Overlay(python))
    assert "\n" not in str(caught.value)
    assert list_overlays() == []
    assert name_home().exists()
