"""What the kernel cannot load, is not, or has decided already."""

from typing import Any

import pytest

from tests.check.conftest import Cells, Write, codes_in, findings_in

AUTORELOAD = (
    "%load_ext autoreload",
    "%load_ext autoreload\n%autoreload 2",
    "%reload_ext autoreload",
    "%load_ext IPython.extensions.autoreload",
    "get_ipython().run_line_magic('load_ext', 'autoreload')",
    "get_ipython().magic('load_ext autoreload')",
)


@pytest.mark.parametrize("source", AUTORELOAD)
def test_autoreload_stops_where_python_has_no_imp(source: str, write: Write) -> None:
    assert "CS312" in codes_in(write([source]))
    assert "CS312" in codes_in(write([source]), "2025.10")


@pytest.mark.parametrize("source", AUTORELOAD)
def test_autoreload_is_fine_where_python_has_imp(source: str, write: Write) -> None:
    assert "CS312" not in codes_in(write([source]), "2025.07")


@pytest.mark.parametrize(
    "source",
    [
        "%load_ext tensorboard",
        "%load_ext autotime",
        "# %load_ext autoreload",
        "import sys\nif sys.version_info < (3, 12):\n    %load_ext autoreload",
        "try:\n    get_ipython().run_line_magic('load_ext', 'autoreload')\nexcept ImportError:\n    pass",
        "%pip install -U ipython\n%load_ext autoreload",
        "import sys, types\nsys.modules['imp'] = types.ModuleType('imp')\n%load_ext autoreload",
        "from importlib import reload",
        "print('%load_ext autoreload')",
    ],
)
def test_what_is_guarded_or_not_autoreload_is_fine(source: str, write: Write) -> None:
    assert "CS312" not in codes_in(write([source]))


UNKNOWN: tuple[tuple[dict[str, Any], str], ...] = (
    ({"kernelspec": {"name": "swift", "display_name": "Swift", "language": "swift"}}, "Swift"),
    ({"kernelspec": {"name": "swift", "display_name": "Swift"}}, "Swift"),
    ({"kernelspec": {"name": "xcpp17", "display_name": "C++17", "language": "C++17"}}, "C++"),
    ({"kernelspec": {"name": "javascript", "display_name": "J", "language": "javascript"}}, "JavaScript"),
    ({"kernelspec": {"name": ".net-csharp", "display_name": "C#", "language": "C#"}}, "C#"),
    ({"kernelspec": {"name": "k", "display_name": "k"}, "language_info": {"name": "lua"}}, "lua"),
)


@pytest.mark.parametrize(("metadata", "language"), UNKNOWN)
def test_a_language_without_a_kernel_on_colab_is_told(metadata: dict[str, Any], language: str, write: Write) -> None:
    (finding,) = [one for one in findings_in(write(["let n = 3"], metadata=metadata)) if one.code == "CS317"]
    assert f"no kernel for {language} " in finding.message


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        {"kernelspec": {"name": "python2", "display_name": "Python 2", "language": "python"}},
        {"kernelspec": {"name": "conda-env-tf-py", "display_name": "tf", "language": "python"}},
        {"kernelspec": {"name": "javanese-env", "display_name": "j", "language": "python"}},
        {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},
        {"kernelspec": {"name": "julia-1.10", "display_name": "Julia", "language": "julia"}},
        {"kernelspec": {"name": "x", "display_name": "x"}, "language_info": {"name": "ipython"}},
        {"kernelspec": {"name": "my-env", "display_name": "my-env"}},
    ],
)
def test_python_r_julia_and_environments_with_names_are_fine(metadata: dict[str, Any], write: Write) -> None:
    assert "CS317" not in codes_in(write(["1"], metadata=metadata))


BACKEND = 'import os\nos.environ["KERAS_BACKEND"] = "jax"'
LATE: tuple[Cells, ...] = (
    ["import keras", BACKEND],
    ["from keras import layers\n" + BACKEND],
    ["import keras_hub", "%env KERAS_BACKEND=torch"],
    [BACKEND + "\nimport keras", 'os.environ["KERAS_BACKEND"] = "torch"'],
)


@pytest.mark.parametrize("cells", LATE)
def test_a_backend_chosen_after_the_import_is_too_late(cells: Cells, write: Write) -> None:
    assert "CS318" in codes_in(write(cells))


@pytest.mark.parametrize(
    "cells",
    [
        [BACKEND, "import keras"],
        [BACKEND + "\nimport keras"],
        [BACKEND + "\nimport keras", BACKEND],
        ["import keras", 'import os\nos.environ["KERAS_BACKEND"] = "tensorflow"'],
        ["import keras", "def restart():\n    import os\n    os.environ['KERAS_BACKEND'] = 'jax'"],
        ["import keras", BACKEND + "\nos.kill(os.getpid(), 9)"],
        ["import tensorflow", BACKEND],
        ["import keras\nimport os\nprint(os.environ['KERAS_BACKEND'])"],
    ],
)
def test_a_backend_that_is_chosen_in_time_or_stays_as_it_is_is_fine(cells: Cells, write: Write) -> None:
    assert "CS318" not in codes_in(write(cells))


ASKS = (
    "name = input('Name: ')",
    "import getpass\ntoken = getpass.getpass()",
    "from getpass import getpass\nimport os\nos.environ['T'] = getpass('Token')",
    "for _ in range(3):\n    input()",
    "!huggingface-cli login",
    "!gcloud auth login",
)


@pytest.mark.parametrize("source", ASKS)
def test_a_question_at_the_top_stands_still(source: str, write: Write) -> None:
    assert "CS314" in codes_in(write([source]))


@pytest.mark.parametrize(
    "source",
    [
        "import os, getpass\nif not os.environ.get('T'):\n    os.environ['T'] = getpass.getpass()",
        "def ask():\n    return input()",
        "try:\n    name = input()\nexcept EOFError:\n    name = 'a'",
        "import os, getpass\ntoken = os.environ.get('T') or getpass.getpass()",
        "def input(text):\n    return 'a'\ninput('x')",
        "class A:\n    pass\nA.input = print\nA.input()",
        "from huggingface_hub import notebook_login\nnotebook_login()",
        "!huggingface-cli login --token $HF_TOKEN",
        "!echo $T | huggingface-cli login",
        "!gcloud auth login --cred-file=a.json",
        "# input()",
    ],
)
def test_a_question_that_need_not_be_answered_is_fine(source: str, write: Write) -> None:
    assert "CS314" not in codes_in(write([source]))


def test_many_questions_are_told_once(write: Write) -> None:
    found = [one for one in findings_in(write(["input()\ninput()", "input()"])) if one.code == "CS314"]
    assert [(one.cell, one.line) for one in found] == [(1, 1)]
    assert "2 more places" in found[0].message
