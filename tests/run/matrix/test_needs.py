"""What an environment must have for a notebook, read from the notebook and the files beside it."""

from pathlib import Path

import pytest

from colab_starter.notebook.model import read_notebook
from colab_starter.run.matrix.needs import Needs, find_missing, find_needs
from colab_starter.runtimes import load_runtime
from tests.run.matrix.test_bisect import write_notebook

LATEST = load_runtime("latest")


def needs_of(tmp_path: Path, *cells: str) -> Needs:
    return find_needs(read_notebook(write_notebook(tmp_path / "nb.ipynb", *cells)), LATEST)


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("import numpy as np", "numpy"),
        ("from sklearn.metrics import f1_score\nimport cv2, PIL.Image", "scikit-learn opencv-python pillow"),
        ("from google.cloud import storage", "google-cloud-storage"),
        ("import os, json, cgi", ""),
        ("import audioop", "audioop-lts"),
        ("import distutils.version\nimport pkg_resources", "setuptools"),
        ("import pandas as pd\npd.read_excel('x.xlsx')", "pandas openpyxl xlrd"),
        ("import pandas as pd\npd.DataFrame().plot()", "pandas matplotlib"),
        ("%matplotlib inline\nimport math", "matplotlib"),
        ("import keras", "keras tensorflow"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras", "keras jax"),
        ("def later():\n    import scipy", "scipy"),
    ],
)
def test_the_packages_of_what_is_imported_are_found(tmp_path: Path, code: str, packages: str) -> None:
    found = needs_of(tmp_path, code)
    assert found.packages - {"setuptools"} == {*packages.split()} - {"setuptools"}
    assert found.unknown == ()


def test_only_what_is_imported_under_no_condition_is_required(tmp_path: Path) -> None:
    code = "try:\n    from google.colab import drive\nexcept ImportError:\n    drive = None\nimport numpy"
    found = needs_of(tmp_path, code, "import scipy", "if False:\n    import scipy\n    import pandas")
    assert found.required == {"numpy", "scipy"}
    assert found.packages == {"numpy", "scipy", "pandas", "google-colab"}


def test_modules_beside_the_notebook_are_followed(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import helper2\nimport pandas\n")
    (tmp_path / "helper2.py").write_text("import helper\nfrom scipy import stats\n")
    (tmp_path / "broken.py").write_text("import (")
    (tmp_path / "package").mkdir()
    found = needs_of(tmp_path, "import helper, broken\nfrom package import part")
    assert found.packages == {"pandas", "scipy"}
    assert found.required == set()
    assert found.unknown == ()


def test_what_neither_colab_has_nor_the_notebook_installs_is_unknown(tmp_path: Path) -> None:
    code = "import einx_nowhere\nimport papermill.iorw\nimport installed_here"
    assert needs_of(tmp_path, "%pip install -q installed-here", code).unknown == ("einx_nowhere", "papermill")


@pytest.mark.parametrize(
    ("cause", "packages"),
    [
        ("ModuleNotFoundError: No module named 'lxml' (cell In[2], line 1)", {"lxml"}),
        ("ModuleNotFoundError: No module named 'PIL.Image'", {"pillow"}),
        ("ImportError: Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.", {"openpyxl"}),
        ("ImportError: `Import tabulate` failed", set()),
        ("ImportError: You must install pydot (`pip install pydot`) for plot_model to work.", {"pydot"}),
        ("ModuleNotFoundError: No module named 'cgi'", set()),
        ("ValueError: bad", set()),
    ],
)
def test_a_missing_package_is_read_from_the_cause_if_colab_has_it(cause: str, packages: set[str]) -> None:
    assert find_missing(cause, LATEST) == packages
