"""Reading from a notebook what can be imported before its kernel is forked."""

import json
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_starter.notebook.model import Json, Notebook
from colab_starter.run.job import KernelPython, WarmPlan
from colab_starter.run.warm.plan import plan_warm


def notebook_of(
    *cells: str, parameters: str = "backend = 'jax'", path: Path = Path("a.ipynb"), **metadata: Json
) -> Notebook:
    tagged = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": parameters}
    others = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return Notebook(path, "", {"cells": [tagged, *others], "metadata": metadata})


def plan(*cells: str, **options: Any) -> WarmPlan:
    found = plan_warm(notebook_of(*cells, **options), {})
    assert found
    return found


def test_imports_are_taken_in_the_order_of_the_cells() -> None:
    assert plan("import json as j, csv\nfrom xml.dom import minidom", "import wave").modules == (
        *("json", "csv", "xml.dom", "xml.dom.minidom"),
        "wave",
    )


@pytest.mark.parametrize(
    "cell",
    [
        "if True:\n    import wave",
        "def f():\n    import wave",
        "try:\n    import wave\nexcept ImportError:\n    pass",
        "from . import wave",
        "import no_such_module_at_all",
        "# import wave",
        "%%writefile x.py\nimport wave",
        "import this",
    ],
)
def test_what_is_imported_conditionally_or_not_installed_stays_out(cell: str) -> None:
    assert plan(cell).modules == ()


def test_what_numpy_imports_only_when_it_is_asked_for_comes_with_numpy() -> None:
    """Else it would be first imported with TensorFlow, after variables that a notebook sets later."""
    assert plan("import numpy as np", "np.random.rand()").steps == ("numpy", "numpy.random")


def test_a_module_beside_the_notebook_stays_out(tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text("mine = True")
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "__init__.py").touch()
    (tmp_path / "json").mkdir()  # a folder of data
    assert plan("import wave, csv, json", path=tmp_path / "a.ipynb").modules == ("json",)


def test_variables_that_are_set_before_the_imports_go_with_them() -> None:
    cell = "import os\nos.environ['KERAS_BACKEND'] = backend\nos.environ.setdefault('MY_LEVEL', '3')\nimport wave"
    assert plan(cell, "%env OTHER=1\nimport csv") == WarmPlan(
        ("os", ("KERAS_BACKEND", "jax"), ("MY_LEVEL", "3"), "wave", ("OTHER", "1"), "csv")
    )


def test_a_variable_is_not_set_before_imports_that_may_read_it() -> None:
    assert plan("import os, torch\nos.environ['X'] = '1'", "import wave").steps == ("os", "torch", ("X", "1"), "wave")


def test_what_only_mutes_messages_goes_with_the_imports() -> None:
    cell = "import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '0' if gpus else '3'"
    assert plan(cell).steps == ("os", ("TF_CPP_MIN_LOG_LEVEL", "3"))


def test_a_run_s_own_value_counts_before_the_notebook_s() -> None:
    notebook = notebook_of("import os\nos.environ['KERAS_BACKEND'] = backend\nimport wave")
    found = plan_warm(notebook, {"backend": "torch"})
    assert found
    assert found.steps == ("os", ("KERAS_BACKEND", "torch"), "wave")


@pytest.mark.parametrize(
    "barrier",
    [
        "os.environ['X'] = find()",
        "os.environ[name] = '1'",
        "os.environ.update(settings)",
        "if gpu:\n    os.environ['X'] = '1'",
        "backend = choose()\nos.environ['X'] = backend",
        "def f():\n    os.environ['X'] = '1'",
        "os.environ.pop('X', None)",
        "os.putenv('X', value)",
        "load_dotenv()",
        "sys.path.insert(0, 'src')",
        "%env X=$HOME",
        "%pip install no-such-package-at-all",
        "!pip install -U packaging",
        "%conda install numpy",
        "this is no Python",
    ],
)
def test_nothing_is_imported_after_what_may_change_an_import(barrier: str) -> None:
    assert plan("import csv", f"import os, sys\n{barrier}", "import wave").modules in (("csv", "os", "sys"), ("csv",))


@pytest.mark.parametrize(
    "harmless",
    [
        "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '0' if gpus else '3'",
        "print(os.environ['HOME'])",
        "%env",
        "%pip install packaging",
        "!apt-get -y install graphviz",
        "sys.path.append('src')",
        "def f():\n    os.environ['PYTHONHASHSEED'] = '1'",
        "backend = 'torch'\nos.environ['X'] = backend",
        "os.environ |= {'X': '1'}",
        "%matplotlib inline",
    ],
)
def test_what_changes_no_import_is_no_barrier(harmless: str) -> None:
    assert "wave" in plan(f"import os\n{harmless}", "import wave").modules


def test_the_user_s_own_list_takes_the_place_of_what_the_cells_say() -> None:
    assert plan_warm(notebook_of("import wave"), {}, modules=["csv"]) == WarmPlan(("csv",))


@pytest.mark.parametrize("metadata", [{"kernelspec": {"name": "ir"}}, {"kernelspec": {"name": "nowhere"}}])
def test_a_kernel_that_is_not_installed_starts_cold(metadata: Json) -> None:
    assert plan_warm(notebook_of("import wave", **metadata), {}) is None


IPYTHON = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.fixture
def write_kernelspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a kernelspec; returns its name, which is new, because what was found under a name is remembered."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    def write(*argv: str, **more: Json) -> str:
        folder = tmp_path / "kernels" / f"spec-{uuid.uuid4()}"
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "a", **more}))
        return folder.name

    return write


def test_a_kernel_of_another_python_is_forked_there_and_nobody_looks_into_its_environment(
    write_kernelspec: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "local.py").touch()
    name = write_kernelspec("/other/bin/python3.10", *IPYTHON, env={"PATH": "/other/bin:${PATH}"})
    notebook = notebook_of("import unknown.part, local\nfrom os import path, environ", path=tmp_path / "a.ipynb")
    kernel = KernelPython("/other/bin/python3.10", (("PATH", "/other/bin:${PATH}"),))
    assert plan_warm(notebook, {}, kernel=name) == WarmPlan(
        ("unknown.part", "os", "os.path", "os.environ"), kernel=kernel, may_lack=True
    )
    assert plan_warm(notebook, {}, kernel=name, modules=["csv"]) == WarmPlan(("csv",), kernel=kernel)


def test_a_kernel_of_this_python_with_variables_of_its_own_is_forked_like_one_of_another(
    write_kernelspec: Callable[..., str],
) -> None:
    found = plan_warm(notebook_of(), {}, kernel=write_kernelspec(sys.executable, *IPYTHON, env={"A": "1"}))
    assert found
    assert found.kernel == KernelPython(sys.executable, (("A", "1"),))
    assert plan_warm(notebook_of(), {}, kernel=write_kernelspec(sys.executable, *IPYTHON)) == WarmPlan()


@pytest.mark.parametrize(
    "argv",
    [
        ["/other/bin/python", "-O", *IPYTHON],
        ["/other/bin/python", *IPYTHON, "--debug"],
        ["/other/bin/python", "-m", "bash_kernel", "-f", "{connection_file}"],
        ["python2.7", *IPYTHON],
        ["/opt/conda/bin/conda", "run", "python", *IPYTHON],
        ["/opt/conda/bin/python", "-m", "nb_conda_kernels", "a", "b", "{connection_file}"],
        ["/other/bin/R", *IPYTHON],
        [],
    ],
)
def test_a_kernel_that_is_started_in_a_way_of_its_own_starts_cold(
    argv: list[str], write_kernelspec: Callable[..., str]
) -> None:
    assert plan_warm(notebook_of(), {}, kernel=write_kernelspec(*argv)) is None


def test_the_keras_lesson_imports_keras_with_the_backend_of_the_run() -> None:
    path = Path(__file__).parents[3] / "gallery/keras.ipynb"
    notebook = Notebook(path, "", json.loads(path.read_text(encoding="utf-8")))
    found = plan_warm(notebook, {"backend": "torch"})
    assert found
    assert "keras" in found.modules
    assert ("KERAS_BACKEND", "torch") in found.steps
    assert found.steps.index(("KERAS_BACKEND", "torch")) < found.steps.index("keras")
