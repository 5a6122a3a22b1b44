"""Finding uv, or installing it."""

import os
import re
import sys
from pathlib import Path

import pytest

from colab_starter.errors import UvMissingError
from colab_starter.runtimes.pythons import find_python, read_version
from colab_starter.runtimes.uv import UvError, get_uv, run_uv

pytestmark = pytest.mark.xdist_group("environments")


def write_program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH besides the system's; the cache is empty, and pip has no index."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    return tmp_path / "bin"


def test_uv_on_path_is_taken(programs: Path) -> None:
    own = write_program(programs / "uv", "echo uv 0.11.3")
    assert get_uv() == str(own)


@pytest.mark.parametrize("does", ["echo uv 0.6.17", "exit 1", "echo nonsense"])
def test_an_old_or_broken_uv_is_passed_over(programs: Path, does: str) -> None:
    write_program(programs / "uv", does)
    own = write_program(programs.parent / "cache/colab-starter/uv/bin/uv", "echo uv 0.11.3")
    assert get_uv() == str(own)


def test_a_uv_that_cannot_be_installed_is_one_line(programs: Path) -> None:
    write_program(programs / "uv", "echo uv 0.6.17")
    with pytest.raises(UvMissingError) as error:
        get_uv()
    assert re.fullmatch(r".* could not be installed \(.*uv.*\); install it: pip install uv", str(error.value))
    assert list((programs.parent / "cache/colab-starter").iterdir()) == []


def test_the_environment_that_the_user_is_in_is_hidden_from_uv_and_its_complaint_is_kept(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/mine")
    told = write_program(programs / "uv", 'echo "[$VIRTUAL_ENV] $1"; cat')
    assert run_uv(str(told), "pip", stdin="six\n") == "[] pip\nsix\n"
    failing = write_program(programs / "uv", "echo 'error: No solution' >&2; echo '  cause: Because six.' >&2; exit 1")
    with pytest.raises(UvError) as error:
        run_uv(str(failing))
    assert error.value.reason == "Because six"


def test_a_python_is_found_on_path_or_of_pyenv_and_stand_ins_that_do_not_run_are_passed_over(programs: Path) -> None:
    assert find_python("3.99") is None
    write_program(programs / "python3.99", "exit 127")
    assert find_python("3.99") is None
    older = write_program(programs.parent / "versions/3.99.1/bin/python3.99", "echo 3.99")
    assert find_python("3.99") == str(older)
    own = write_program(programs / "python3.99", "echo 3.99")
    assert find_python("3.99") == str(own)
    other = write_program(programs / "mine", "echo 3.99")
    assert find_python("3.99", str(other)) == str(other)
    assert read_version(str(programs / "missing")) is None
    assert find_python(f"{sys.version_info.major}.{sys.version_info.minor}")
