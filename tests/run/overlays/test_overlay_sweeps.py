"""A notebook that installs packages, run in an environment that must stay as it is."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import bake_into
from tests.run.overlays.conftest import Run, Start, Write, printed, read_runs
from tests.run.overlays.packages import Environment, list_overlays, write_project, write_wheel
from tests.support.marks import weekly
from tests.support.processes import read_until, wait_until

SHOW = """\
import sys
import victim
forked = b"kernels.server" in open("/proc/self/cmdline", "rb").read()
print(victim.version, victim.__file__.startswith(sys.prefix), "forked" if forked else "spawned")
"""
REPORT = (
    "import sys, victim, newcomer\nprint(victim.version, newcomer.version, newcomer.__file__.startswith(sys.prefix))"
)


@pytest.mark.parametrize("option", [(), weekly(("--cold",))], ids=["warm", "cold"])
def test_runs_that_install_at_once_share_an_overlay_and_leave_the_environment_as_it_was(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path, option: tuple[str, ...]
) -> None:
    log = tmp_path / "log"
    project = write_project(tmp_path / "slow", write_wheel(tmp_path, "slow"), log, seconds=0.5)
    path = notebook(f"!pip install {project} victim==2.0", SHOW, "import slow\nprint(slow.version)")
    before = environment.take_stock()
    result = run(path, "-p", "n=1,2", "-j", "2", *option)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[0] == (
        f"cell 2 installs packages: into an overlay of {environment.folder}, thrown away afterwards "
        f"(--keep-environment keeps it, --in-place installs into {environment.folder} itself)"
    )
    assert environment.take_stock() == before
    how = "spawned" if option else "forked"
    assert [printed(one, 2) for one in read_runs(tmp_path / "runs/nb")] == [f"2.0 True {how}\n"] * 2
    events = log.read_text().split()
    assert "sees" not in events, "an isolated build sees the packages below"
    assert events == ["begin", "end"] * (len(events) // 2), "two installs at once"
    installed = [one for one in read_runs(tmp_path / "runs/nb") if "Successfully installed" in printed(one, 1)]
    assert installed, "nobody installed"
    assert len([one for one in installed if "victim-2.0" in printed(one, 1)]) == 1, "the overlay was not shared"


def test_every_way_to_install_ends_in_the_overlay(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    ways = {
        "line": "!pip install {}",
        "magic": "%pip install {}",
        "python": "!python -m pip install {}",
        "formatted": "import sys\n!{{sys.executable}} -m pip install {}",
        "process": "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', '{}'], check=True)",
        "script": "%%bash\nset -e\npip3 install {}",
        "user": "!pip install --user {}",
        "inside": "from pip._internal.cli.main import main\nassert main(['install', '{}']) == 0",
        "system": "import os\nassert os.system('pip install {}') == 0",
    }
    wheels = {name: write_wheel(tmp_path / "ways", name) for name in ways}
    cells = [way.format(wheels[name]) for name, way in ways.items()]
    show = f"import sys\nfor name in {list(ways)}:\n    print(name, __import__(name).__file__.startswith(sys.prefix))"
    before = environment.take_stock()
    misled = {"PIP_TARGET": str(tmp_path / "target"), "PIP_USER": "1", "UV_SYSTEM_PYTHON": "1"}
    # On a warm kernel the run would begin again at the cell that imports pip, and install the first seven twice.
    result = run(notebook(*cells, show), "--cold", **misled)
    assert result.returncode == 0, result.stdout + result.stderr
    assert environment.take_stock() == before
    [executed] = read_runs(tmp_path / "runs/nb")
    assert printed(executed, len(ways) + 1) == "".join(f"{name} True\n" for name in ways)
    assert not (tmp_path / "target").exists()


def test_programs_see_what_is_installed_upgraded_and_uninstalled_and_the_environment_is_not_touched(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    path = notebook(
        "!pip uninstall --yes victim teller",
        "!pip install --upgrade victim newcomer",
        "!pip install nowhere-to-be-found",
        "!teller\n!newcomer\n!victim",
        "import os, shutil, sys\nprint(shutil.which('python') == sys.executable, os.path.dirname(shutil.which('pip')))",
        "print(os.environ['VIRTUAL_ENV'], sys.prefix)",
        "!pip uninstall --yes victim",
        "import subprocess\nprint(subprocess.run(['teller'], capture_output=True, text=True).stdout)",
    )
    before = environment.take_stock()
    result = run(path, PATH=f"/usr/bin{os.pathsep}/bin")
    assert result.returncode == 0, result.stdout + result.stderr
    assert environment.take_stock() == before
    assert environment.ask("import victim; print(victim.version)") == "1.0"
    [executed] = read_runs(tmp_path / "runs/nb")
    assert "outside environment" in printed(executed, 1)
    assert "Successfully installed" in printed(executed, 2)
    assert {"newcomer-2.0", "victim-2.0"} <= set(printed(executed, 2).split())
    assert printed(executed, 4).splitlines() == ["program sees 2.0"] * 3
    folder, prefix = printed(executed, 6).split()
    assert folder == prefix != str(environment.folder)
    assert printed(executed, 5) == f"True {folder}/bin\n"
    assert "Successfully uninstalled victim-2.0" in printed(executed, 7)
    assert printed(executed, 8) == "program sees 1.0\n\n"


@pytest.mark.parametrize(
    ("end", "options"),
    [(signal.SIGINT, ()), weekly(signal.SIGTERM, ()), (signal.SIGKILL, ()), weekly(signal.SIGKILL, ("--cold",))],
    ids=["Ctrl-C", "SIGTERM", "kill -9", "kill -9 of a cold one"],
)
def test_a_sweep_that_is_stopped_while_it_installs_leaves_nothing(
    notebook: Write,
    start: Start,
    run: Run,
    environment: Environment,
    tmp_path: Path,
    end: int,
    options: tuple[str, ...],
) -> None:
    log = tmp_path / "log"
    project = write_project(tmp_path / "slow", write_wheel(tmp_path, "slow"), log, seconds=600)
    path = notebook(f"!pip install victim==2.0 {project}", SHOW)
    before = environment.take_stock()
    sweep = start(path, "-p", "n=1,2", "-j", "2", *options)
    wait_until(log.exists)
    assert len(list_overlays()) == 1
    sweep.send_signal(end)
    if end == signal.SIGINT:
        stdout = sweep.stdout
        assert stdout
        read_until(stdout, lambda line: "Ctrl-C again" in line)
        sweep.send_signal(end)
    sweep.communicate(timeout=60)
    assert sweep.returncode == (-9 if end == signal.SIGKILL else 128 + end)
    wait_until(lambda: not list_overlays())
    assert environment.take_stock() == before
    shutil.rmtree(project)
    write_project(project, tmp_path / "slow-1.0-py3-none-any.whl", log)
    assert run(path, "-p", "n=1").returncode == 0
    assert environment.take_stock() == before


def test_two_sweeps_have_an_overlay_each(notebook: Write, start: Start, tmp_path: Path) -> None:
    path = notebook("!pip install victim=={version}", SHOW, parameters="version = '1.0'")
    sweeps = [start(path, "-p", f"version={number}.0", "--out", f"out{number}") for number in (1, 2)]
    for number, sweep in enumerate(sweeps, 1):
        out, error = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, out + error
        [executed] = read_runs(tmp_path / f"out{number}")
        assert printed(executed, 2).startswith(f"{number}.0 ")


def test_runs_whose_parameters_decide_what_is_installed_do_not_share_an_overlay(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    wait = f"""\
import time
from pathlib import Path
Path({str(tmp_path)!r}, version).touch()
while not all(Path({str(tmp_path)!r}, version).exists() for version in ("1.0", "2.0")):
    time.sleep(0.02)
"""
    path = notebook(
        "package = f'victim=={version}'", "!pip install {package}", wait, SHOW, parameters="version = ''\nn = 1"
    )
    result = run(path, "-p", "version=1.0,2.0", "-p", "n=1,2", "-j", "4", "--timeout", "2m")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"cell 3 installs packages: into an overlay of {environment.folder} for each version, " in result.stdout
    seen = [printed(one, 4).split()[0] for one in read_runs(tmp_path / "runs/nb")]
    assert sorted(seen) == ["1.0", "1.0", "2.0", "2.0"]


def test_an_overlay_that_is_kept_has_its_packages_the_next_time(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    path = notebook("!pip install newcomer==1.0", REPORT)
    kept = tmp_path / "runs/nb/environment"
    result = run(path, "--keep-environment")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"into an overlay of {environment.folder}, kept in {kept}" in result.stdout
    again = run(path, "-p", "n=2", "--keep-environment")
    assert again.returncode == 0, again.stdout + again.stderr
    first, second = sorted((printed(one, 1) for one in read_runs(tmp_path / "runs/nb")), key=len)
    assert "Successfully installed newcomer-1.0" in first + second
    assert "Requirement already satisfied: newcomer==1.0" in first + second
    import_newcomer = [
        str(kept / "bin/python"),
        "-c",
        "import newcomer, victim; print(newcomer.version, victim.version)",
    ]
    assert subprocess.run(import_newcomer, capture_output=True, text=True).stdout == "1.0 1.0\n"


@pytest.mark.weekly
def test_an_overlay_that_was_to_be_kept_is_made_anew_after_a_kill(
    notebook: Write, start: Start, run: Run, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    path = notebook(
        "!pip install newcomer==1.0", f"import pathlib, time\npathlib.Path({str(flag)!r}).touch()\ntime.sleep(n)"
    )
    sweep = start(path, "-p", "n=600", "--keep-environment")
    wait_until(flag.exists)
    sweep.kill()
    sweep.communicate(timeout=60)
    result = run(path, "-p", "n=0", "--keep-environment")
    assert result.returncode == 0, result.stdout + result.stderr
    [executed] = read_runs(tmp_path / "runs/nb")
    assert "Successfully installed newcomer-1.0" in printed(executed, 1)


def test_what_is_no_overlay_is_not_taken_for_one(notebook: Write, run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "runs/nb/environment/mine"
    mine.parent.mkdir(parents=True)
    mine.touch()
    result = run(notebook("!pip install newcomer"), "--keep-environment")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert f"{mine.parent} is something else; move it" in result.stderr
    assert mine.exists()


def test_in_place_the_environment_itself_changes(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    result = run(notebook("%pip install victim==2.0", SHOW), "--in-place")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "overlay" not in result.stdout
    assert environment.ask("import victim; print(victim.version)") == "2.0"


def test_a_kernel_of_another_environment_gets_an_overlay_of_that_one(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path, linked: Path, wheels: Path
) -> None:
    other = Environment(tmp_path / "other", linked, *wheels.glob("victim-1.0-*"))
    spec = {
        "argv": [other.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "other",
        "language": "python",
        "env": {"PATH": f"/usr/bin{os.pathsep}/bin", "OF_KERNEL": "1"},
    }
    folder = tmp_path / "jupyter/kernels/other"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))
    before = environment.take_stock(), other.take_stock()
    path = notebook(
        "!pip install newcomer==2.0 victim==2.0",
        REPORT,
        "import os\nprint(os.environ['OF_KERNEL'])",
        SHOW,
        kernel="other",
    )
    result = run(path, JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"cell 2 installs packages: into an overlay of {other.folder}, " in result.stdout
    assert (environment.take_stock(), other.take_stock()) == before
    [executed] = read_runs(tmp_path / "runs/nb")
    assert [printed(executed, number) for number in (2, 3, 4)] == ["2.0 2.0 True\n", "1\n", "2.0 True forked\n"]


def test_a_dry_run_says_where_packages_would_go_and_makes_nothing(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    result = run(notebook("!pip install newcomer", "1", "%pip install victim"), "--dry-run")
    assert f"cells 2 and 4 install packages: into an overlay of {environment.folder}, thrown away" in result.stdout
    assert not (tmp_path / "runs").exists()
    assert list_overlays() == []


def test_runs_do_not_take_away_what_others_have_installed(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    """Each uninstalls first; the second one while the first one waits for it before it imports."""
    wait = f"""\
import time
from pathlib import Path
Path({str(tmp_path)!r}, f"installed{{n}}").touch()
while n == 1 and not Path({str(tmp_path)!r}, "uninstalled2").exists():
    time.sleep(0.02)
"""
    path = notebook(
        f"import os, time\nwhile n == 2 and not os.path.exists({str(tmp_path)!r} + '/installed1'): time.sleep(0.02)",
        "!pip uninstall --yes newcomer",
        f"open({str(tmp_path)!r} + f'/uninstalled{{n}}', 'w').close()",
        "!pip install newcomer==2.0",
        wait,
        REPORT,
    )
    result = run(path, "-p", "n=1,2", "-j", "2", "--timeout", "2m")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"into an overlay of {environment.folder} for each run, thrown away" in result.stdout
    assert [printed(one, 6) for one in read_runs(tmp_path / "runs/nb")] == ["1.0 2.0 True\n"] * 2


def test_later_runs_find_what_earlier_ones_have_installed_warm_as_cold(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path
) -> None:
    """Also what was imported beforehand for the first run, and .pth files, which Python reads when it starts."""
    more = {"of_pth.pth": f"import sys; sys.of_pth = {str(tmp_path)!r}"}
    wheel = write_wheel(tmp_path / "more", "newcomer", "3.0", more=more)
    path = notebook(
        "import victim\nprint(victim.version)",
        "import sys\nprint(hasattr(sys, 'of_pth'))",
        "try:\n    import newcomer\n    print(newcomer.version)\nexcept ImportError as error:\n    print(error)",
        f"!pip install victim==2.0 {wheel}",
        SHOW,
    )
    seen = {}
    for how, options in {"forked": (), "spawned": ("--cold",)}.items():
        result = run(path, "-p", "n=1,2", "-j", "1", "--out", how, *options)
        assert result.returncode == 0, result.stdout + result.stderr
        runs = read_runs(tmp_path / how)
        seen[how] = [[printed(one, number) for number in (1, 2, 3)] for one in runs]
        assert all(printed(one, 5).endswith(f"{how}\n") for one in runs)
    first, later = ["1.0\n", "False\n", "No module named 'newcomer'\n"], ["2.0\n", "True\n", "3.0\n"]
    assert seen == {"forked": [first, later], "spawned": [first, later]}


@pytest.mark.parametrize("option", [(), weekly(("--cold",))], ids=["warm", "cold"])
def test_a_project_of_the_template_installs_what_is_missing_into_the_overlay(
    notebook: Write, run: Run, environment: Environment, tmp_path: Path, option: tuple[str, ...]
) -> None:
    folder = bake_into(tmp_path / "baked", preset="blank", extra_pip_packages="newcomer==2.0 victim")
    before = environment.take_stock()
    result = run(folder / "notebooks/blank.ipynb", "-p", "require_gpu=False", *option)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"cell 6 installs packages: into an overlay of {environment.folder}, " in result.stdout
    assert environment.take_stock() == before
    [path] = (tmp_path / "runs/blank").glob("*/blank.ipynb")
    if option:
        assert "Installed: newcomer==2.0\\n" in path.read_text()
    else:  # matplotlib is imported below the install, so the run begins again on a cold kernel, and finds it done
        assert "matplotlib.pyplot (packages were installed)" in result.stdout
        assert "Missing packages: none\\n" in path.read_text()


def test_an_install_that_was_cut_off_makes_a_kept_overlay_worthless(
    notebook: Write, start: Start, run: Run, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    project = write_project(tmp_path / "slow", write_wheel(tmp_path, "slow"), log, seconds=600)
    path = notebook(f"!pip install newcomer\nif n:\n    !pip install {project}", REPORT)
    sweep = start(path, "-p", "n=1", "--keep-environment")
    wait_until(log.exists)
    sweep.terminate()
    sweep.communicate(timeout=60)
    assert run(path, "-p", "n=0", "--keep-environment").returncode == 0
    executed = next(one for one in read_runs(tmp_path / "runs/nb") if "n = 0" in json.dumps(one))
    assert "Successfully installed newcomer-2.0" in printed(executed, 1)
