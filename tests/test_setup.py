"""The set-up of `make demo` and `make test`: it can be killed and begun again, and takes the Python that it is told."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

KILL_BEFORE_CHANGE = """
changes=0
count() {
    case $BASH_COMMAND in
        rm* | mv* | mkdir* | :* | *' -m venv '* | *'pip --quiet'* | echo*) changes=$((changes + 1)) ;;
        *) return 0 ;;
    esac
    [ $changes != "$KILL_BEFORE" ] || kill -9 $$
}
set -T
trap count DEBUG
. tools/setup.sh
"""
"""For bash: tools/setup.sh, killed before the change to the disk that has this number."""

QUICK_PYTHON = """\
#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec {python} "$@"; fi
cp -R ready/. "$3"
for site in "$3"/lib/python*/site-packages; do mkdir "$site/pip"; done
if [ "${{KILLED_IN:-}}" = venv ]; then kill -9 $PPID; exit 1; fi
cp quick_pip.py "$site/pip/__main__.py"
"""
"""A Python whose environments are copies of one, and have QUICK_PIP; making one can be the death of who asks for it."""

QUICK_PIP = """\
import os, pathlib, signal, sys, zipfile
site = pathlib.Path(__file__).parents[1]
if "install" in sys.argv and not list(site.glob("tiny-*.dist-info/METADATA")):
    with zipfile.ZipFile(*pathlib.Path("wheels").glob("*.whl")) as wheel:
        *metadata, module = reversed(wheel.namelist())
        wheel.extractall(site, metadata)
        if os.environ.get("KILLED_IN") == "pip":
            os.kill(os.getppid(), signal.SIGKILL)
            sys.exit(1)
        wheel.extract(module, site)
"""
"""What pip does to the disk: a package with its metadata is whole to it, whatever else of the package is missing."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a space in its name, with tools/setup.sh and a demo that needs one package, called tiny."""
    project = tmp_path / "my project"
    (project / "tools").mkdir(parents=True)
    shutil.copy(REPOSITORY / "tools/setup.sh", project / "tools")
    (project / "requirements").mkdir()
    (project / "pyproject.toml").touch()
    lock_tiny(project, "1.0")
    return project


def lock_tiny(project: Path, version: str, digest: str | None = None) -> None:
    """Make a wheel of this version, and a lock that asks for it."""
    (project / "requirements/demo.in").write_text("tiny\n")
    (project / "wheels").mkdir(exist_ok=True)
    wheel = project / f"wheels/tiny-{version}-py3-none-any.whl"
    information = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", f"version = '{version}'\n")
        archive.writestr(f"{information}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/RECORD", "")
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (project / "requirements/demo.txt").write_text(f"tiny=={version} --hash=sha256:{digest}\n")


def set_up(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tools/setup.sh without a network; tiny's wheel is all that pip can find."""
    return subprocess.run(
        command or ("sh", "tools/setup.sh", "demo"),
        cwd=project,
        env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "wheels", "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def read_tiny_version(project: Path) -> str:
    command = [".venv/bin/python", "-c", "import tiny; print(tiny.version)"]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def quick_python(project: Path) -> str:
    (project / "quick_pip.py").write_text(QUICK_PIP)
    venv.create(project / "ready", symlinks=True)
    python = project / "quick-python"
    python.write_text(QUICK_PYTHON.format(python=shlex.quote(sys.executable)))
    python.chmod(0o755)
    return "./quick-python"


@pytest.mark.slow
def test_a_setup_installs_what_is_locked_once_and_again_when_the_lock_is_renewed(project: Path) -> None:
    first = set_up(project)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Installing the packages of 'demo'")
    assert read_tiny_version(project) == "1.0"
    second = set_up(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    lock_tiny(project, "2.0")
    set_up(project).check_returncode()
    assert read_tiny_version(project) == "2.0"
    lock_tiny(project, "1.0", digest="0" * 64)
    assert "DO NOT MATCH THE HASHES" in set_up(project).stderr


def check_that_it_can_be_set_up(project: Path, python: str, after: str) -> None:
    again = set_up(project, PYTHON=python)
    assert (again.returncode, again.stderr) == (0, ""), f"{after}: {again.stderr}"
    assert read_tiny_version(project) == "1.0", after
    assert {path.name for path in project.iterdir() if path.name.startswith(".")} == {".venv"}, after
    assert not (project / ".venv/incomplete").exists()


@pytest.mark.slow
def test_a_setup_that_is_killed_before_any_of_its_changes_is_followed_by_a_whole_one(
    project: Path, quick_python: str
) -> None:
    for step in range(1, 100):
        shutil.rmtree(project / ".venv", ignore_errors=True)
        venv.create(project / ".venv")  # one without pip is there already, and has to give way
        command = ("bash", "-c", KILL_BEFORE_CHANGE, "setup", "demo")
        killed = set_up(project, *command, PYTHON=quick_python, KILL_BEFORE=str(step))
        check_that_it_can_be_set_up(project, quick_python, f"killed before change {step}")
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert step > 10


@pytest.mark.parametrize("program", ["venv", "pip"])
def test_a_setup_that_is_killed_while_a_program_works_is_followed_by_a_whole_one(
    project: Path, quick_python: str, program: str
) -> None:
    assert set_up(project, PYTHON=quick_python, KILLED_IN=program).returncode == -signal.SIGKILL
    assert (project / ".venv/bin/python").exists()
    check_that_it_can_be_set_up(project, quick_python, f"killed in {program}")


def test_an_environment_without_pip_is_made_anew(project: Path, quick_python: str) -> None:
    venv.create(project / ".venv")
    check_that_it_can_be_set_up(project, quick_python, "pip was missing")


@pytest.mark.weekly
@pytest.mark.slow
def test_an_environment_that_is_activated_and_broken_is_made_anew(project: Path) -> None:
    venv.create(project / ".venv")
    path = f"{project}/.venv/bin{os.pathsep}{os.environ['PATH']}"
    made = set_up(project, "sh", "tools/setup.sh", "bare", PYTHON="", PATH=path)
    assert (made.returncode, made.stderr) == (0, "")
    subprocess.run([".venv/bin/python", "-m", "pip", "--version"], cwd=project, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("python", "told"),
    [
        ("python9.9", "is not a program"),
        ("/no/such/python3", "is not a program"),
        ("no such python", "is not a program"),
        ("/bin/true", "does not start as Python"),
        ("/bin/echo", "does not start as Python"),
        ("/bin/false", "does not start as Python"),
        ("/", "(is not a program|does not start as Python)"),  # as the shell sees it
        ("./older", "is Python 3.10"),
        ("./newer", "is Python 3.14"),
    ],
)
def test_a_python_that_cannot_be_taken_is_one_line_and_no_other_is_taken(project: Path, python: str, told: str) -> None:
    for name, version in {"older": "3.10", "newer": "3.14"}.items():
        (project / name).write_text(f"#!/bin/sh\necho {version}\n")
        (project / name).chmod(0o755)
    answer = set_up(project, PYTHON=python)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.match(rf"PYTHON={re.escape(python)} {told}; give one of 3\.11, 3\.12 or 3\.13", answer.stderr)
    assert len(answer.stderr.splitlines()) == 1
    assert not (project / ".venv").exists()


def test_another_python_than_that_of_the_environment_makes_it_anew(project: Path, quick_python: str) -> None:
    check_that_it_can_be_set_up(project, quick_python, "the first time")
    other = project / "other python"
    other.write_text(
        """#!/bin/sh
case "$2" in *base_prefix*) echo /other ;; *) exec ./quick-python "$@" ;; esac
"""
    )
    other.chmod(0o755)
    (project / ".venv/of-the-old-one").touch()
    set_up(project, PYTHON="./other python").check_returncode()
    assert not (project / ".venv/of-the-old-one").exists()


def test_what_an_interrupted_apt_left_is_configured_first_and_what_does_not_work_then_is_told(
    project: Path, quick_python: str
) -> None:
    stubs = project / "stubs"
    stubs.mkdir()
    for name, does in {
        "id": "echo 0",
        "dpkg": 'echo "dpkg $*" >>calls',
        "apt-get": 'echo "apt-get $1" >>calls; [ "$1$BROKEN" != install ] || echo "#!/bin/sh" >stubs/dot',
        "dot": "exit 1",
    }.items():
        (stubs / name).write_text(f"#!/bin/sh\n{does}\n")
        (stubs / name).chmod(0o755)
    path = f"{stubs}{os.pathsep}{os.environ['PATH']}"
    command = ("sh", "tools/setup.sh", "bare", "graphviz")
    broken = set_up(project, *command, PYTHON=quick_python, PATH=path, BROKEN="1")
    assert (broken.returncode, broken.stderr.strip()) == (
        1,
        "Installed, but not working: graphviz. Try: apt-get install --reinstall graphviz",
    )
    calls = (project / "calls").read_text().splitlines()
    assert calls == ["dpkg --configure -a", "apt-get update", "apt-get install"]
    assert set_up(project, *command, PYTHON=quick_python, PATH=path, BROKEN="").returncode == 0
    assert set_up(project, *command, PYTHON=quick_python, PATH=path, BROKEN="").returncode == 0
    assert (project / "calls").read_text().splitlines() == calls * 2


def test_make_works_in_a_folder_with_spaces_and_hands_python_on(project: Path) -> None:
    shutil.copy(REPOSITORY / "Makefile", project)
    answer = set_up(project, "make", "tests-environment", "PYTHON=no such python")
    assert "PYTHON=no such python is not a program" in answer.stderr
