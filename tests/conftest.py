"""Baking projects through cookiecutter, and executing their notebooks in real kernels."""

import gc
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cookiecutter.main import cookiecutter
from jinja2 import Environment
from jinja2.lexer import get_lexer
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

REPOSITORY = Path(__file__).parents[1]
QUESTIONS: dict[str, Any] = json.loads((REPOSITORY / "cookiecutter.json").read_text(encoding="utf-8"))
PRESETS: list[str] = QUESTIONS["preset"]
LESSONS = [preset for preset in PRESETS if preset != "all"]
TEMPLATE_PARTS = ["cookiecutter.json", "{{cookiecutter.project_slug}}", "templates", "hooks", "colab_starter"]

Bake = Callable[..., Path]

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""OpenMP's threads are not to wait for one another busily: the cores have other tests to execute."""

for _module in ("contract", "listeners"):  # whose assertions are to say what they found
    pytest.register_assert_rewrite(f"tests.run.backends.{_module}")


LONGEST_FILES = ["test_lessons.py", "test_ray.py", "test_ray_cluster.py", "test_ray_sweeps.py"]
LONGEST_FILES += ["test_overlay_sweeps.py", "test_trials.py", "test_packets.py", "test_images_lesson.py"]
LONGEST_FILES += ["test_environments.py", "test_bisect.py", "test_colab_contract.py", "test_sweeps.py"]
LONGEST_FILES += ["test_command.py", "test_jupyter_contract.py", "test_jupyter.py", "test_colab.py"]
LONGEST_FILES += ["test_warm_trials.py", "test_cli.py", "test_touched_sweeps.py", "test_many_runs.py"]
LONGEST_FILES += ["test_odd_pages.py", "test_table_lesson.py", "test_languages.py", "test_remote.py"]
LONGEST_FILES += ["test_papermill_engine.py", "test_full_disk.py", "test_local.py", "test_attempt.py"]
LONGEST_FILES += ["test_executor.py", "test_forkserver.py", "test_kernel.py"]
"""They are begun first: of the processes that share the tests, none is to be alone with a long file at the end."""


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shorten what would make the name of a test as long as what it tests, which may be a megabyte."""
    return f"{val[:60]!s}..." if isinstance(val, (str, bytes)) and len(val) > 100 else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Without the garbage collector, which finds nothing among thousands of tests that all stay: a quarter quicker."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each file to one process, but for those that say themselves with whom they go: with Ray, or of a lesson."""
    items.sort(key=lambda item: [*LONGEST_FILES, item.path.name].index(item.path.name))
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path)))
        if item.get_closest_marker("weekly"):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Where the groups are ignored, each process runs the long fixtures for itself, and Ray's clusters find others.

    The thousands of tests stay to the end, so the garbage collector need not go through them again and again.
    """
    gc.freeze()
    if getattr(session.config.option, "loadgroup", False) and any("@" not in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist ignores the groups of these tests with this pytest: take an older one")


@pytest.fixture(scope="session", autouse=True)
def _heard_interrupts() -> None:
    """What the tests start is to hear Ctrl-C and the end of a terminal, also in a shell's background or under nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def _isolated_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep every tool that the tests call out of the developer's own settings and caches."""
    home = tmp_path_factory.mktemp("home")
    config = home / "cookiecutter.yaml"
    config.write_text(f"cookiecutters_dir: '{home}/cookiecutters'\nreplay_dir: '{home}/replay'\n")
    os.environ["COOKIECUTTER_CONFIG"] = str(config)
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    os.environ["IPYTHONDIR"] = str(home / "ipython")
    os.environ["MPLCONFIGDIR"] = str(home / "matplotlib")
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _templates_compiled_once() -> Iterator[None]:
    """Keep what Jinja makes of each template: two thirds of the time of baking a project in this process go into it."""
    compiled: dict[tuple[object, ...], Any] = {}
    compile_template = Environment.compile

    def compile_once(environment: Environment, *template: Any, **options: Any) -> Any:
        settings = get_lexer(environment), environment.autoescape, environment.is_async
        extensions = map(type, environment.extensions.values())
        key = (type(environment), *settings, *extensions, *template, *options.items())
        if key not in compiled:
            compiled[key] = compile_template(environment, *template, **options)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


FOLDERS = itertools.count()


def make_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """A new folder with a name of its own. For a number, pytest would read through all the folders that there are."""
    return factory.mktemp(f"{name}-{next(FOLDERS)}", numbered=False)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder of this test alone, named after it, as pytest's own fixture gives it."""
    return make_folder(tmp_path_factory, re.sub(r"\W", "_", request.node.name)[:30])


@pytest.fixture
def bake(tmp_path: Path) -> Bake:
    """Bake a project from answers, without hooks; returns its folder."""

    def bake_project(**answers: Any) -> Path:
        folder = tmp_path / f"bake-{len(list(tmp_path.iterdir()))}"
        return bake_into(folder, **answers)

    return bake_project


def bake_into(folder: Path, **answers: Any) -> Path:
    folder.mkdir(parents=True)
    baked = cookiecutter(
        str(REPOSITORY), no_input=True, extra_context=answers, output_dir=str(folder), accept_hooks=False
    )
    return Path(baked)


@pytest.fixture(scope="session")
def all_lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every lesson; tests only read it."""
    return bake_into(tmp_path_factory.mktemp("all") / "baked", preset="all")


def read_notebook(path: Path) -> NotebookNode:
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def first_cells(notebook: NotebookNode, *, stop: str) -> NotebookNode:
    """The notebook up to, and without, the first cell whose id begins with ``stop``."""
    ids = [cell.id for cell in notebook.cells]
    end = next(index for index, cell_id in enumerate(ids) if cell_id.startswith(stop))
    start: NotebookNode = nbformat.from_dict({**notebook, "cells": notebook.cells[:end]})
    return start


def set_parameters(notebook: NotebookNode, **parameters: Any) -> None:
    """Put the values behind the parameters cell, as papermill does."""
    index = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    notebook.cells.insert(index + 1, nbformat.v4.new_code_cell("\n".join(lines)))


@contextmanager
def private_sockets() -> Iterator[Config]:
    """Settings of a kernel that is reached through files: kernels that start at once may be given the same TCP port."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short, so not under tmp_path
        yield Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"})


def execute(
    notebook: NotebookNode, folder: Path, *, front_end: bool = False, kernels: Path | None = None, **environment: str
) -> str:
    """Run all cells in a real kernel, in ``folder``; returns what they printed.

    ``front_end`` loads ``google.colab`` (the stand-in of these tests) before the first cell,
    as Colab's own kernel does. ``kernels`` is a Jupyter folder to look for kernels in.
    """
    colab = ["--IPKernelApp.exec_lines=import google.colab"] if front_end else []
    path = os.pathsep.join(filter(None, [str(REPOSITORY / "tests/fake_colab"), os.environ.get("PYTHONPATH")]))
    with private_sockets() as config:
        client = NotebookClient(
            notebook,
            timeout=300,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=colab,
            config=config,
            shutdown_kernel="immediate",  # nothing more is expected of it
        )
        if kernels:
            client.km = client.create_kernel_manager()
            client.km.kernel_spec_manager.kernel_dirs.append(str(kernels / "kernels"))
        client.execute(env={**os.environ, "PYTHONPATH": path, **environment})
    return printed(notebook)


def printed(notebook: NotebookNode) -> str:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.output_type == "stream")


def run_cookiecutter(
    *arguments: str, cwd: Path, command: str | None = None, answers: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The real command on this repository's checkout; ``answers`` are typed at its prompts."""
    command = command or str(Path(sys.executable).with_name("cookiecutter"))
    return subprocess.run(
        [command, str(REPOSITORY), *arguments], cwd=cwd, input=answers, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def template_copy(tmp_path: Path) -> Path:
    """The template as a clone would hold it."""
    copy = tmp_path / "colab-starter"
    for part in TEMPLATE_PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy(source, copy / part)
    return copy


def git(*arguments: str, cwd: Path) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


def cruft(*arguments: str, cwd: Path) -> str:
    command = [str(Path(sys.executable).with_name("cruft")), *arguments]
    answer = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture
def cruft_project(template_copy: Path, tmp_path: Path) -> Path:
    """The blank preset, made with cruft from ``template_copy`` and committed."""
    git("init", cwd=template_copy)
    git("add", "--all", cwd=template_copy)
    git("commit", "--message", "Template", cwd=template_copy)
    cruft("create", f"file://{template_copy}", "--no-input", "--extra-context", '{"preset": "blank"}', cwd=tmp_path)
    made = tmp_path / "my-colab-notebooks"
    git("init", cwd=made)
    git("add", "--all", cwd=made)
    git("commit", "--message", "Project", cwd=made)
    return made


def change_template(template: Path, file: str, old: str, new: str) -> None:
    """Commit a change of one file of a template repository."""
    text = (template / file).read_text()
    assert old in text
    (template / file).write_text(text.replace(old, new))
    git("commit", "--all", "--message", "Change the template", cwd=template)
