"""Installs in the cells of a notebook, however they are written."""

from pathlib import Path

import pytest

from colab_starter.notebook.installs import UNINSTALL
from colab_starter.notebook.model import Notebook


def tools_of(source: str) -> list[str]:
    """The tools of the installs that a cell does, each once."""
    notebook = Notebook(Path("a.ipynb"), "", {"cells": [{"cell_type": "code", "metadata": {}, "source": source}]})
    return list(dict.fromkeys(install.tool for _, install in notebook.installs))


@pytest.mark.parametrize(
    "source",
    [
        "!pip install six",
        "!pip install '' six",
        "!(cd x; pip install six)",
        "!{ pip install six; }",
        "!pip --quiet --log file install six",
        "%pip install six",
        "pip install six",
        "!!pip install six",
        "%sx pip install six",
        "%system pip install six",
        "%time !pip install six",
        "!sudo -H pip install six",
        "!sudo -u root pip3 install six",
        "!yes | pip install six",
        "!timeout 60 pip install six",
        "!cat needed.txt | xargs -n 1 pip install",
        "!if true; then pip install six; fi",
        "!python -m pip install six",
        "!python3 -W ignore -u -m pip install six",
        "!{sys.executable} -m pip install six",
        "!$sys.executable -m pip install six",
        "!/usr/bin/python3.11 -m pip install six",
        "!uv pip install --system six",
        "!uv pip sync needed.txt",
        "!python -m uv pip install six",
        "%%bash\npip install six",
        "%%script bash\npip install six",
        "%%capture\n!pip install six",
        "import os\nos.system('pip install six')",
        "import os\nos.system(f'{sys.executable} -m pip install {name}')",
        "os.system('{} -m pip install six'.format(sys.executable))",
        "get_ipython().system('pip install six')",
        "get_ipython().run_line_magic('pip', 'install six')",
        "get_ipython().run_cell('!pip install six')",
        "get_ipython().run_cell_magic('bash', '', 'cd x\\npip install six\\n')",
        "subprocess.run([sys.executable, '-m', 'pip', 'install', 'six'])",
        "subprocess.run(('pip', 'install', 'six'))",
        "subprocess.check_call(['/usr/bin/pip', 'install', 'six'])",
        "subprocess.run('set -e\\npip install six\\n', shell=True)",
        "await asyncio.create_subprocess_exec('pip', 'install', 'six')",
        "import pip\npip.main(['install', 'six'])",
        "from pip._internal.cli.main import main as pipmain\npipmain(['install', 'six'])",
        "def need(name):\n    subprocess.run(['pip', 'install', name])",
    ],
)
def test_an_install_with_pip_is_found_however_it_is_written(source: str) -> None:
    assert tools_of(source) == ["pip"]


@pytest.mark.parametrize(
    ("source", "tool"),
    [
        ("!pip uninstall -y keras", UNINSTALL),
        ("subprocess.run([sys.executable, '-m', 'pip', 'uninstall', '-y', 'keras'])", UNINSTALL),
        ("!conda install numpy", "conda"),
        ("%mamba install numpy", "mamba"),
        ("!apt-get install -y graphviz", "apt"),
        ("!bash setup.sh", "bash"),
        ("!python setup.py develop", "python"),
    ],
)
def test_other_tools_are_told_apart(source: str, tool: str) -> None:
    assert tools_of(source) == [tool]


@pytest.mark.parametrize(
    "source",
    [
        "!pip list",
        "raise RuntimeError(f'pip could not install {name}')",
        "!pip download six",
        "print('Run pip install six first')",
        "help = 'Usage:\\n    pip install six'",
        "'''\npip install six\n'''",
        "# !pip install six",
        "!python train.py",
        "!time python -m timeit 1",
        "main(['train'])",
        "run('install', 'of', 'something')",
        "!git commit -m 'pip install six'",
    ],
)
def test_what_only_looks_like_an_install_is_none(source: str) -> None:
    assert tools_of(source) == []


@pytest.mark.parametrize("end", [" > /dev/null", " >/dev/null 2>&1", " 2> errors.txt", " >> log.txt", " &> log.txt"])
def test_where_pip_prints_to_is_no_package(end: str) -> None:
    cell = {"cell_type": "code", "metadata": {}, "source": f"!pip install six{end}"}
    ((_, install),) = Notebook(Path("a.ipynb"), "", {"cells": [cell]}).installs
    assert [requirement.name for requirement in install.requirements] == ["six"]
    assert not install.opaque


def test_a_sentence_that_ends_in_parentheses_starts_no_script() -> None:
    assert tools_of("print('Not here (x). It needs pip install six.')") == []
    assert tools_of("!. ./setup.sh") == ["."]
