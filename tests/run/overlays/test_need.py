"""Which notebooks need an overlay, what is said of it, and which runs share one."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from colab_starter.errors import WrongOptionError
from colab_starter.notebook.model import Json, Notebook
from colab_starter.run.backends.ray.options import RayOptions
from colab_starter.run.batch import Options
from colab_starter.run.coordinator import run_batch
from colab_starter.run.job import Overlay
from colab_starter.run.overlays.need import Need, describe_need, find_need
from colab_starter.run.sweep.runs import Run
from tests.conftest import bake_into, read_notebook

OWN = """\
import importlib.util
needed = {}
extra = {}
"""
OWN_INSTALL = """\
if missing:
    pip = [sys.executable, "-m", "pip", "install", "--no-color", "--constraint", constraints]
    answer = subprocess.run([*pip, *missing], capture_output=True, text=True)
"""


def notebook_of(*cells: str, **metadata: Json) -> Notebook:
    made = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return Notebook(Path("a.ipynb"), "", {"cells": made, "metadata": metadata})


def need_of(*cells: str, **metadata: Any) -> Need:
    return find_need(notebook_of(*cells, **metadata), None, [{}])


@pytest.fixture
def own_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the tests is activated."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin")


@pytest.mark.parametrize(
    "cells",
    [
        ["import numpy"],
        ["!apt-get install -y graphviz"],
        ["!npm install d3"],
        ["!pip install --target here absent"],
        ["!pip install --dry-run absent"],
        ["!pip list"],
        ["!pip install -q packaging 'jupyter-client>=8'"],
        ["%pip install --quiet packaging", "if not packaging:\n    !python -m pip install packaging"],
        [OWN.format('{"json": "json"}', '["packaging>=1"]'), OWN_INSTALL],
    ],
)
@pytest.mark.usefixtures("own_pip")
def test_a_notebook_that_leaves_the_environment_alone_needs_none(cells: list[str]) -> None:
    assert not need_of(*cells).has_overlay


@pytest.mark.parametrize(
    ("cells", "numbers", "does"),
    [
        (["1", "!pip install absent", "2", "if True:\n    !pip install absent"], (2, 4), "install"),
        (["!pip install 'packaging>=1000'"], (1,), "install"),
        (["!pip install -U packaging"], (1,), "install"),
        (["!pip install 'packaging[of_no_such_kind]' -c versions.txt"], (1,), "install"),
        (["!pip install git+https://example.org/packaging"], (1,), "install"),
        (["!pip install half"], (1,), "install"),
        (["!uv pip install packaging"], (1,), "install"),
        (["!pip uninstall -y absent"], (1,), "uninstall"),
        (["!bash setup.sh"], (1,), "may install"),
        ([OWN.format('{"no_such_module": "nothing"}', "[]"), OWN_INSTALL], (2,), "install"),
        ([OWN.format('{"json": "json"}', '["packaging>=1000"]'), OWN_INSTALL], (2,), "install"),
        ([OWN.format('{"xml.nothing": "nothing"}', "[]"), OWN_INSTALL], (2,), "install"),
        ([OWN.format('{"json": "json"}', "[]"), f"{OWN_INSTALL}\n!pip install absent"], (2,), "install"),
        ([OWN.format('{"json": "json"}', "[]"), OWN_INSTALL, "1", OWN_INSTALL], (4,), "install"),
    ],
)
@pytest.mark.usefixtures("own_pip")
def test_a_notebook_that_may_change_it_needs_one(
    cells: list[str], numbers: tuple[int, ...], does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "half-1.0.dist-info").mkdir()
    needs = "Requires-Dist: no-such-package"
    (tmp_path / "half-1.0.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: half\nVersion: 1.0\n{needs}\n")
    need = need_of(*cells)
    assert need.has_overlay
    assert (need.cells, need.does) == (numbers, does)
    assert need.make_overlay(Run("a", {"n": 1})) == Overlay()


def test_a_pip_that_may_be_of_another_environment_does_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert need_of("!pip install packaging").has_overlay


@pytest.mark.slow
@pytest.mark.usefixtures("own_pip")
def test_the_lessons_need_none_where_all_that_they_look_for_is_there(tmp_path: Path) -> None:
    """The tests' environment has it."""
    folder = bake_into(tmp_path / "all", preset="all")
    for path in (folder / "notebooks").glob("*.ipynb"):
        found = find_need(Notebook(path, path.read_text(), dict(read_notebook(path))), None, [{}])
        assert not found.has_overlay, path


def test_a_kernel_of_another_language_needs_none() -> None:
    assert need_of("!pip install absent", kernelspec={"name": "ir", "language": "R"}) == Need()


@pytest.fixture
def add_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install a kernelspec with this command, called ``odd``."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def add(*command: str) -> None:
        folder = tmp_path / "kernels/odd"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": command, "language": "python", "display_name": "Odd"}))

    return add


@pytest.mark.parametrize(
    "command",
    [
        ["python", "-m", "nb_conda_kernels", "runner", "/opt/conda", "/opt/conda/envs/a", "python", "-m", "ipykernel"],
        ["/usr/bin/env", "python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        ["conda", "run", "-n", "a", "python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        ["xpython", "-f", "{connection_file}"],
        ["/nowhere/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    ],
)
def test_a_kernel_whose_python_cannot_be_told_has_no_overlay_and_that_is_said(
    add_kernel: Any, command: list[str]
) -> None:
    add_kernel(*command)
    need = need_of("!pip install absent", kernelspec={"name": "odd"})
    assert need.make_overlay(Run("a", {})) is None
    [line] = describe_need(need, None)
    assert line == "cell 1 installs packages: into the environment of kernel odd, whose Python is not known here"


def test_an_overlay_is_of_the_kernels_own_python(add_kernel: Any, tmp_path: Path) -> None:
    python = tmp_path / "other/bin/python3"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    add_kernel(str(python), "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}")
    need = need_of("!pip install absent", kernelspec={"name": "odd"})
    assert need.make_overlay(Run("a", {})) == Overlay(str(python))
    assert f"an overlay of {tmp_path / 'other'}, " in describe_need(need, None)[0]


def test_what_no_overlay_catches_is_said_in_a_line_each() -> None:
    need = need_of(
        "!conda install -y numpy\n!conda install scipy", "!/opt/python/bin/pip install -U absent\n!pip install absent"
    )
    assert need.cells == (2,)
    assert describe_need(need, None)[1:] == [
        "cell 1 installs with conda, which no overlay can catch: its environment itself changes",
        "cell 2 calls /opt/python/bin/pip by its path: no overlay can catch what that installs",
    ]
    assert describe_need(need_of("!conda install -y numpy"), None) == [
        "cell 1 installs with conda, which no overlay can catch: its environment itself changes",
    ]


def test_what_becomes_of_the_packages_is_said_in_one_line() -> None:
    need = need_of("!pip install absent", "%pip install absent", "!pip install timm")
    below = sys.prefix
    assert describe_need(need, None) == [
        f"cells 1, 2 and 3 install packages: into an overlay of {below}, thrown away afterwards "
        f"(--keep-environment keeps it, --in-place installs into {below} itself)"
    ]
    assert describe_need(need, Path("runs/a/environment")) == [
        f"cells 1, 2 and 3 install packages: into an overlay of {below}, kept in runs/a/environment"
    ]
    assert describe_need(need, None, is_here=False) == [
        "cells 1, 2 and 3 install packages: into an overlay of the environment of each node, thrown away afterwards "
        "(--in-place installs into the environment of each node itself)"
    ]
    assert describe_need(need_of("!bash setup.sh"), None)[0].startswith("cell 1 may install packages: into")
    uninstalls = need_of("!pip uninstall absent")
    assert describe_need(uninstalls, None)[0].startswith("cell 1 uninstalls packages: in an overlay of ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep_environment": True, "in_place": True}, "--in-place makes no environment that --keep-environment could"),
        ({"keep_environment": True, "backend": RayOptions()}, "--keep-environment is for --backend local only"),
    ],
)
def test_options_that_exclude_one_another_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    with pytest.raises(WrongOptionError, match=said):
        run_batch(Options(path, out=tmp_path / "out", **options))
    assert not (tmp_path / "out").exists()


def test_each_run_has_its_own_where_no_two_have_the_same_values() -> None:
    """There would be as many overlays until the end of the sweep."""
    sets = [{"version": str(number)} for number in range(1000)]
    need = find_need(notebook_of("!pip install absent=={version}"), None, sets)
    overlays = {need.make_overlay(Run(str(number), values)) for number, values in enumerate(sets)}
    assert len(overlays) == 1000
    assert all(overlay and overlay.is_of_one_run for overlay in overlays)
    assert find_need(notebook_of("!pip install absent"), None, sets).make_overlay(Run("1", sets[1])) == Overlay()


RUNS = [{"version": version, "lr": lr, "output_dir": f"{lr}"} for version in ("1", "2") for lr in (0.1, 0.2)]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["!pip install absent=={version}"], {"version"}),
        (["!pip install absent==$version"], {"version"}),
        (["!pip install {'absent==' + version if lr else 'absent'}"], {"version", "lr"}),
        (["package = f'absent=={version}'", "%pip install {package}"], {"version"}),
        (["a = version", "b = [a]", "import subprocess\nsubprocess.run(['pip', 'install', *b])"], {"version"}),
        (["packages = ['absent']", "packages.append(version)", "!pip install {' '.join(packages)}"], {"version"}),
        (["if version == '1':\n    !pip install absent==1\nelse:\n    !pip install absent"], {"version"}),
        (["if lr > 0.1:\n    name = 'absent'\nelse:\n    name = 'absent'", "!pip install {name}"], {"lr"}),
        (["def need(name):\n    subprocess.run(['pip', 'install', name])", "need(version)"], {"version"}),
        (["def need(name):\n    subprocess.run(['pip', 'install', name])\nneed(version)"], {"version"}),
        (['%%bash -s "$version"\npip install absent==$1'], {"version"}),
        (["!pip install absent", "print(version, lr)"], set()),
        (["rate = lr * 2", "import subprocess\nsubprocess.run(['pip', 'install', 'absent'])"], set()),
        (
            ["import subprocess\nsubprocess.run(['echo', version])", "subprocess.run(['pip', 'install', 'absent'])"],
            set(),
        ),
        (["!pip install absent\nprint(lr)"], set()),
        (["!pip install {output_dir}"], set()),
        (["!pip install absent", "name = version\nprint(name)"], set()),
        (["print([lr for name in 'ab'])", "print(lr)\nx = [name for name in 'ab']", "!pip install {name}"], set()),
    ],
)
def test_runs_share_an_overlay_unless_their_parameters_decide_what_is_installed(
    cells: list[str], names: set[str]
) -> None:
    need = find_need(notebook_of(*cells), None, RUNS)
    assert set(need.parameters) == names
    overlays = [need.make_overlay(Run(str(number), run)) for number, run in enumerate(RUNS)]
    sharing: dict[Overlay | None, list[Mapping[str, Any]]] = {}
    for run, overlay in zip(RUNS, overlays, strict=True):
        sharing.setdefault(overlay, []).append({name: run[name] for name in names})
    assert None not in sharing
    assert len(sharing) == 2 ** len(names)
    assert all(values == values[:1] * len(values) for values in sharing.values())


@pytest.mark.parametrize(
    ("cells", "is_repeated"),
    [
        (["!pip uninstall -y absent\n!pip install absent==1"], True),
        (["!pip install absent==1", "print(1)", "!pip install absent==2"], True),
        (["!pip install absent", "!pip install 'absent<2'"], True),
        (["!pip install --force-reinstall absent"], True),
        (["!pip install absent -I"], True),
        (["!pip uninstall -y absent"], False),
        (["!pip install absent==1 other==2", "%pip install absent==1"], False),
        (["!pip install -U absent"], False),
        (["if x:\n    !pip install absent==1\nelse:\n    !pip install absent==2"], False),
    ],
)
def test_each_run_has_its_own_where_one_install_undoes_another(cells: list[str], is_repeated: bool) -> None:
    need = find_need(notebook_of(*cells), None, RUNS)
    first, second = (need.make_overlay(Run(name, {})) for name in "ab")
    assert first
    assert (first != second) == first.is_of_one_run == is_repeated
    assert ("an overlay of " + need.below + " for each run, " in describe_need(need, None)[0]) == is_repeated
