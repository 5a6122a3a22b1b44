"""One planted fault a rule, and what --fix makes of it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from colab_starter.check.findings import check_file
from colab_starter.check.fixes import fix_file
from colab_starter.check.rules import RULES
from colab_starter.check.select import select_rules
from tests.check.conftest import ALL_RULES, LATEST, Cells, Write, code, findings_in, notebook_of, parameters, text

GPU = {"accelerator": "GPU", "colab": {"gpuType": "T4"}}
COLAB = "from google.colab import drive, files, output, userdata\n"
BADGE = "[![Open](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/"


SWIFT = {"kernelspec": {"name": "swift", "display_name": "Swift", "language": "swift"}}
TOKEN = "hf_" + "Ab3Cd8Ef1Gh9Ij4Kl7Mn2Op6Qr5StUvWxYz"
KEY = "q7Zt2Lw9" + "Xc4Vb8Nm3Kj6Hg"
PRINTED = code("print('hi')  # colab-starter: ignore CS105") | {
    "outputs": [{"output_type": "stream", "name": "stdout", "text": "hi", "metadata": {"tags": None}}]
}
PRINTED_TOKEN = code("x = 1  # colab-starter: ignore CS105") | {
    "outputs": [{"output_type": "stream", "name": "stdout", "text": f"token: {TOKEN}"}]
}


class Planted(NamedTuple):
    """A notebook with one fault, and where it is."""

    content: Cells | str
    cell: int
    line: int
    changes: dict[str, Any] = {}  # noqa: RUF012
    mentions: str = ""
    name: str = "lesson.ipynb"


def _saved_by_colab() -> dict[str, Any]:
    """Format 4.0, with the ids in the metadata."""
    notebook = notebook_of([code("x = 1", id="abc"), text("b") | {"metadata": {"id": "def"}}], nbformat_minor=0)
    for cell in notebook["cells"]:
        del cell["id"]
    return notebook


def _old_notebook() -> str:
    cell = {"cell_type": "code", "input": "x = 1", "language": "python", "metadata": {}, "outputs": []}
    sheet = {"cells": [cell], "metadata": {}}
    return json.dumps({"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]})


PLANTED = {
    "CS101": Planted('{"cells": [', 0, 0, mentions="line 1"),
    "CS102": Planted(['x = "a"', text("b")], 0, 0, {"metadata": None}),
    "CS103": Planted(_old_notebook(), 0, 0, mentions="nbformat 3"),
    "CS104": Planted([code("x = 1") | {"id": "a"}, code("y = 2") | {"id": "a"}], 2, 0, mentions="cell 1"),
    "CS105": Planted(["x = 1", code("x") | {"execution_count": 3}], 2, 0, mentions="1 cell has"),
    "CS106": Planted(["x = 1"], 0, 0, {"metadata": {"widgets": {}}}),
    "CS107": Planted(["x = 1", '%matplotlib inline\n\nprint "hello"'], 2, 3, mentions="Python 3"),
    "CS108": Planted(json.dumps(_saved_by_colab()), 0, 0, mentions="metadata"),
    "CS109": Planted(["x = 1", text("# Data\n\n<<<<<<< local\na\n=======\nb\n>>>>>>> remote")], 2, 3, mentions="merge"),
    "CS110": Planted(["import os\nfiles = !ls"], 1, 2, mentions="getoutput"),
    "CS120": Planted([PRINTED], 1, 0, mentions="metadata"),
    "CS201": Planted([parameters("x = 1"), parameters("x = 2")], 2, 0, mentions="cell 1"),
    "CS202": Planted(["x = 1"], 0, 0),
    "CS203": Planted([parameters('# Settings\nfolder = "a"\nfile = folder + "/b"')], 1, 3, mentions="file"),
    "CS301": Planted([COLAB, 'drive.mount("/content/drive")'], 2, 1, mentions="MyDrive"),
    "CS302": Planted([COLAB + "\nuploaded = files.upload()"], 1, 3),
    "CS303": Planted([COLAB + "output.eval_js('1')"], 1, 2),
    "CS304": Planted([COLAB + "key = userdata.get('KEY')"], 1, 2, mentions="except Exception"),
    "CS305": Planted(["%tensorflow_version 2.x\nimport tensorflow as tf"], 1, 1),
    "CS306": Planted([parameters("x = 1"), "%%shell\nls"], 2, 1, mentions="%%bash"),
    "CS307": Planted(["!apt-get update -qq\n!apt-get install swig"], 1, 2, mentions="-y"),
    "CS308": Planted(["!google-drive-ocamlfuse drive"], 1, 1),
    "CS309": Planted(["import cv2\nimage = cv2.imread('a.png')\ncv2.imshow('a', image)"], 1, 3, mentions="plt.imshow"),
    "CS310": Planted(
        [text(f"# Title\n{BADGE}ada/digits/blob/main/notebooks/other.ipynb)")], 1, 2, {}, "other", "notebooks/a.ipynb"
    ),
    "CS311": Planted(["!make"], 1, 1),
    "CS312": Planted(["x = 1", "%load_ext autoreload\n%autoreload 2"], 2, 1, mentions="importlib.reload"),
    "CS313": Planted(["import math\nprint(total)", "total = 3"], 1, 2, mentions="cell 2"),
    "CS314": Planted(["# Who?\nname = input('Name: ')"], 1, 2, mentions="# @param"),
    "CS315": Planted(["!ls\n!cd data"], 1, 2, mentions="%cd"),
    "CS316": Planted(["rows = open('/content/drive/MyDrive/a.txt').read()"], 1, 1, mentions="mount"),
    "CS317": Planted(["let n = 3"], 0, 0, {"metadata": SWIFT}, mentions="Swift"),
    "CS318": Planted(["import keras", 'import os\nos.environ["KERAS_BACKEND"] = "jax"'], 2, 2, mentions="cell 1"),
    "CS319": Planted([text(f"{BADGE}ada/digits/blob/main/lesson.ipynb)"), "import lesson"], 2, 1, mentions="clone"),
    "CS320": Planted([text(f"{BADGE}ada/digits/blob/main/lesson.ipynb)"), "rows = open('a.csv').read()"], 2, 1),
    "CS321": Planted([text("# Title\n[run](https://console.paperspace.com/github/a/b.ipynb)")], 1, 2),
    "CS401": Planted(["import catboost", "%pip install catboost"], 1, 1, mentions="cell 2"),
    "CS402": Planted(["import numpy\nimport catboost"], 1, 2, mentions="%pip install catboost"),
    "CS403": Planted(['%pip install "numpy==1.26.4"'], 1, 1, mentions="numpy==1.26.4"),
    "CS404": Planted(["!pip install -q -U torch"], 1, 1, mentions="torch"),
    "CS405": Planted(["!pip install libarchive"], 1, 1, mentions="libarchive-c"),
    "CS406": Planted(["!pip install timm>=1.0"], 1, 1, mentions="quotes"),
    "CS407": Planted(["import imp"], 1, 1, mentions="importlib"),
    "CS408": Planted(["from keras.utils import np_utils"], 1, 1, mentions="to_categorical"),
    "CS410": Planted(["import keras\nkeras.optimizers.Adam(lr=0.1)"], 1, 2, mentions="learning_rate="),
    "CS411": Planted(["import matplotlib.pyplot as plt\nplt.style.use('seaborn')"], 1, 2, mentions="v0_8"),
    "CS412": Planted(["!pip install spacy==2.3.5"], 1, 1, mentions="3.8.7"),
    "CS413": Planted(["!pip install sklearn"], 1, 1, mentions="scikit-learn"),
    "CS414": Planted(["!pip install tf-nightly"], 1, 1, mentions="tensorflow"),
    "CS415": Planted(["!pip uninstall -y numpy"], 1, 1, mentions="numpy"),
    "CS420": Planted(["%pip install condacolab\n!conda install rdkit"], 1, 2, mentions="-y"),
    "CS422": Planted(["!apt-get install -y python-opengl"], 1, 1, mentions="python3-opengl"),
    "CS423": Planted(["import os\nos.system('pip install einops')"], 1, 2, mentions="%pip"),
    "CS501": Planted(["import numpy as np\nnp.ones(3)"], 0, 0, {"metadata": GPU}),
    "CS502": Planted(["import torch\nmodel = torch.nn.Linear(2, 2)\nmodel.cuda()"], 1, 3),
    "CS503": Planted(["import cv2\ncv2.CascadeClassifier('a.xml')"], 1, 2, mentions="FaceDetectorYN"),
    "CS504": Planted(["import xgboost\nxgboost.XGBClassifier(tree_method='gpu_hist')"], 1, 2, mentions="device"),
    "CS601": Planted(["x = 1", f"# mine\ntoken = '{TOKEN}'"], 2, 2, mentions="Hugging Face"),
    "CS602": Planted([PRINTED_TOKEN], 1, 0, mentions="Hugging Face"),
    "CS603": Planted([f"client = dict(api_key='{KEY}')"], 1, 1, mentions="api_key"),
    "CS701": Planted([COLAB + "key = userdata.get('KEY')"], 1, 2, mentions="kaggle_secrets"),
    "CS702": Planted(["rows = open('/content/a.txt').read()"], 1, 1, mentions="/kaggle/input"),
    "CS703": Planted(["!pip install einops"], 1, 1, {"metadata": {"kaggle": {"isInternetEnabled": False}}}),
    "CS704": Planted(
        ["import torch\nx = torch.ones(2).cuda()"], 1, 2, {"metadata": {"kaggle": {"accelerator": "none"}}}
    ),
}


def test_every_rule_has_a_planted_fault() -> None:
    assert list(PLANTED) == [rule.code for rule in RULES]


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found_where_it_is_and_nothing_else(code: str, write: Write) -> None:
    planted = PLANTED[code]
    path = write(planted.content, planted.name, **planted.changes)

    platform = "kaggle" if code.startswith("CS7") else "colab"
    rules = select_rules(ALL_RULES, [], [], platform)
    rules += [rule for rule in ALL_RULES if rule.opt_in and rule.code == code]
    (path.parent / "lesson.py").write_text("")
    (finding,) = check_file(path, rules, LATEST)

    assert (finding.code, finding.cell, finding.line) == (code, planted.cell, planted.line)
    assert planted.mentions in finding.message
    assert len(finding.message) < 250


FIXABLE = [rule.code for rule in RULES if rule.fixable]


@pytest.mark.parametrize("code", FIXABLE)
def test_a_fix_leaves_a_valid_notebook_without_the_fault(code: str, write: Write) -> None:
    content: Any = PLANTED[code].content
    changes = PLANTED[code].changes
    if code == "CS102":
        whole = notebook_of(content)
        del whole["metadata"], whole["cells"][0]["outputs"]
        content, changes = json.dumps(whole), {}
    path = write(content, **changes)

    assert fix_file(path, ALL_RULES, LATEST)

    assert code not in [finding.code for finding in findings_in(path)]
    nbformat.validate(nbformat.read(path, as_version=4))
    assert not fix_file(path, ALL_RULES, LATEST), "a second time there is nothing to mend"


FIXED_SOURCES = {
    "!apt-get update\n!apt-get -qq install graphviz": "!apt-get update\n!apt-get -qq install graphviz",
    "!sudo apt install a b && ls": "!sudo apt install -y a b && ls",
    "!pip install timm>=1.0 'a<2' b[c]<3": '!pip install "timm>=1.0" \'a<2\' "b[c]<3"',
    "!pip install libarchive": "!pip install libarchive-c",
    "if True:\n    %tensorflow_version 2.x\n    pass": "if True:\n    pass\n    pass",
}


@pytest.mark.parametrize("source", FIXED_SOURCES)
def test_a_fix_changes_only_what_is_wrong_in_a_line(source: str, write: Write) -> None:
    path = write([source])

    fix_file(path, ALL_RULES, LATEST)

    assert "".join(json.loads(path.read_text())["cells"][0]["source"]) == FIXED_SOURCES[source]


@pytest.mark.parametrize("indent", [None, 1, 2])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_fix_keeps_the_indent_the_order_and_the_line_ends_of_the_file(
    indent: int | None, ends: str, tmp_path: Path
) -> None:
    notebook = {"nbformat": 4, "nbformat_minor": 0, "metadata": {"z": "é", "widgets": {}, "a": 1}, "cells": []}
    path = tmp_path / "a.ipynb"
    before = (json.dumps(notebook, indent=indent, ensure_ascii=False) + "\n").replace("\n", ends)
    path.write_bytes(before.encode())

    fix_file(path, ALL_RULES, LATEST)

    del notebook["metadata"]["widgets"]  # type: ignore[attr-defined]
    after = (json.dumps(notebook, indent=indent, ensure_ascii=False) + "\n").replace("\n", ends)
    assert path.read_bytes().decode() == after


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Path]:
    """A git repository whose remote is github.com/ada/digits, with one notebook that has this badge."""

    def make(address: str) -> Path:
        _git(tmp_path, "init", "--initial-branch", "main")
        _git(tmp_path, "remote", "add", "origin", "git@github.com:ada/digits.git")
        path = tmp_path / "deep" / "a b.ipynb"
        path.parent.mkdir()
        path.write_text(json.dumps(notebook_of([text(f"{BADGE}{address})")])))
        return path

    return make


@pytest.mark.parametrize(
    "address", ["ada/digits/blob/main/deep/a%20b.ipynb", "fork/digits/blob/feature/x/deep/a%20b.ipynb"]
)
def test_a_badge_that_leads_to_this_file_is_right(address: str, checkout: Callable[[str], Path]) -> None:
    assert findings_in(checkout(address)) == []


@pytest.mark.parametrize(
    ("address", "mentions"),
    [
        ("ada/digits/blob/main/a%20b.ipynb", "this is deep/a b.ipynb"),
        ("ada/digits/blob/main/deep/a.ipynb", "opens deep/a.ipynb"),
        ("bob/letters/blob/main/deep/a%20b.ipynb", "bob/letters"),
    ],
)
def test_a_badge_that_leads_elsewhere_is_wrong(address: str, mentions: str, checkout: Callable[[str], Path]) -> None:
    (finding,) = findings_in(checkout(address))
    assert finding.code == "CS310"
    assert mentions in finding.message


@pytest.mark.parametrize(
    ("cells", "cell"),
    [
        ([text("# Settings") | {"metadata": {"tags": ["parameters"]}}, parameters("x = 1")], 1),
        ([text("# Settings") | {"metadata": {"tags": ["parameters"]}}, "x = 1"], 1),
        ([code("x = 7", tags=["injected-parameters"]), parameters("x = 1")], 1),
        ([parameters("x = 1"), code("x = 7", tags=["injected-parameters"])], 0),
        ([parameters("x = 1"), text("# Settings") | {"metadata": {"tags": ["parameters"]}}], 0),
        ([code("x = 7", tags=["injected-parameters"]), "y = 2"], 0),
    ],
)
def test_what_hides_the_parameters_cell_from_papermill_is_found(write: Write, cells: Cells, cell: int) -> None:
    found = [finding for finding in findings_in(write(cells)) if finding.code == "CS201"]
    assert [finding.cell for finding in found] == ([cell] if cell else [])
