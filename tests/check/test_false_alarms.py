"""Notebooks that are all right, and what must not be taken for a fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.check.conftest import Cells, Write, code, codes_in, findings_in, parameters, text
from tests.conftest import PRESETS, QUESTIONS, bake_into

COLAB = "from google.colab import drive, files, output, userdata\n"
RIGHT_CELLS = {
    "magics of all kinds": (
        "%load_ext tensorboard\n%matplotlib inline\n!ls -la \\\n  /tmp\n!!pwd\nhere = %pwd\nt = %timeit -o -q 1\n"
        "if here:\n    !echo {here}\n    %cd /tmp\nprint?\n?print\nlen??\n%timeit?\nx = [\n  1 % 2\n]\n"
    ),
    "a string with lines that look like magics": 'text = """\n!ls\n%cd\nwhat?\n"""\n!ls',
    "a cell magic below a title": "#@title Install\n%%capture\n!pip install einops\nimport einops",
    "a cell magic in a cell magic": "%%time\n%%bash\nif [ -f x ]; then echo 1; fi",
    "other languages": "%%html\n<b>not Python</b>",
    "R in a Python notebook": "%%R\nx <- c(1, 2)",
    "a page of its own": "%%writefile helper.py\nimport nothing_like_this",
    "await outside of functions": "import asyncio\nawait asyncio.sleep(0)\nasync with asyncio.Lock() as b:\n    pass\n",
    "a magic without its sign": "pip install einops",
    "a magic without its sign, and a path": "cd ../",
    "a magic without its sign, and a path from the root": "ls /content/data/",
    "a magic without its sign, and two paths": "\n\nmv /content/a.csv My\\ Drive/b.csv\n",
    "a magic without its sign, and a pattern": "rm -rf *.tmp",
    "a magic without its sign, in a cell that is timed": "%%time\nmkdir -p a/b",
    "a magic without its sign that is no program": "load_ext tensorboard",
    "async with outside of functions": "import asyncio as io\na = io.Lock()\nasync with a as b:\n    b\n",
    "magic names without a sign": "pip install einops",
    "names of magics as variables": "ls = [1]\ncd = ls\ncat = 3\nls + [cat]\nman, rm = 1, 2\ncp\t= 3",
    "a pasted session": ">>> x = 1\n>>> if x:\n...     print(x)\n",
    "an indented cell": "    x = 1\n    y = 2\n",
    "a future import below a magic": "%matplotlib inline\nfrom __future__ import annotations",
    "automatic calls": "/print 1\n,print a b\n;print a b",
    "a remainder at the start of a line": "x = (10\n% 3)\ny = 10 \\\n  % 3",
    "nothing": "",
    "only comments": "# %%bash\n# !pip install -U numpy",
    "a type hint with a question": 'ask = "really?"\n# really?',
    "strings with quotes and hashes": 'a = \'it\\\'s # no comment\'\nb = """x\\""" !"""\n!ls',
    "drive behind a test": (
        "import os, sys\nfrom google.colab import drive\n"
        "if not os.path.isdir('/content/drive/MyDrive') and 'google.colab' in sys.modules:\n    drive.mount('/content')"
    ),
    "a secret that may be missing": (
        "try:\n    from google.colab import userdata\n    key = userdata.get('K')\nexcept Exception:\n    key = None"
    ),
    "names that others have too": "class output:\n    eval_js = print\noutput.eval_js(1)\nfiles = {}\nfiles.upload()",
    "apt that does not ask": (
        "!apt-get -y install a\n!apt-get install -qq a\n!apt update\n!yes | apt install a\n"
        "!DEBIAN_FRONTEND=x apt-get install -qqy a\n!sudo apt-get install --yes a\n!apt list --installed"
    ),
    "imshow, made to work": "import cv2\nimport google.colab as c\ncv2.imshow = c.patches.cv2_imshow\ncv2.imshow(1)",
    "imshow of others": "import matplotlib.pyplot as plt\nplt.imshow([[1]])",
    "an import that may fail": "try:\n    import nothing_like_this\nexcept ImportError:\n    pass",
    "an import under a condition": "if False:\n    import nothing_like_this",
    "an import in a function": "def f():\n    import nothing_like_this",
    "what Colab has": (
        "import numpy, scipy, pandas, torch, torchvision, tensorflow, keras, jax, sklearn, cv2, PIL, yaml, bs4\n"
        "import skimage, dateutil, matplotlib.pyplot, mpl_toolkits.mplot3d, google.colab, google.protobuf, gym\n"
        "import psutil, tqdm, transformers, datasets, IPython, ipywidgets, seaborn, xgboost, lightgbm, graphviz\n"
        "import requests, urllib3, networkx, sympy, h5py, nltk, spacy, plotly, bokeh, altair, jwt, statsmodels\n"
        "import google.generativeai, google.genai, gradio, kagglehub, gdown, pkg_resources, attr, umap, pydot\n"
        "import google.cloud.storage, lxml, openpyxl, sqlalchemy, pydantic, huggingface_hub, accelerate, distutils\n"
    ),
    "a package that is installed first": "!pip install -q catboost\nimport catboost",
    "installed by uv": "!uv pip install --system catboost==1.2.8\nimport catboost",
    "installed by subprocess": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'catboost'])\nimport catboost"
    ),
    "installed by os.system": "import os\nassert os.system('pip install catboost') == 0\nimport catboost",
    "installed by a magic call": "get_ipython().system('pip install catboost')\nimport catboost",
    "installed under another name": "%pip install python-pptx\nimport pptx",
    "brought along by another": "%pip install lightning\nimport torchmetrics",
    "installed from a file": "!pip install -r requirements.txt\nimport nothing_like_this",
    "installed from git": "!pip install git+https://github.com/a/b.git\nimport nothing_like_this",
    "installed by conda": "%pip install condacolab\n!conda install -y rdkit\nimport nothing_like_this",
    "installed by a script": "!bash install.sh\nimport nothing_like_this",
    "installed in a shell cell": "%%capture\n!pip install \\\n  catboost \\\n  einops\nimport catboost",
    "code that is cloned": "!git clone https://github.com/a/b\n%cd b\nimport nothing_like_this",
    "code from another folder": "import sys\nsys.path.append('/content/b')\nimport nothing_like_this",
    "code that is downloaded": "!wget https://example.org/nothing_like_this.py\nimport nothing_like_this",
    "a core package as it is": "!pip install numpy 'pandas>=2' torch==2.11.0 -q",
    "a core package, then a restart": "!pip install numpy==1.26.4\nimport os\nos.kill(os.getpid(), 9)",
    "core packages elsewhere": "!pip install -U --target /tmp/x numpy",
    "upgrades of others": "!pip install --upgrade pip\n!pip install -U einops",
    "redirected pip": "!pip install einops > /dev/null 2>&1\n!pip install 'timm>=1' >log.txt",
    "a GPU, if there is one": (
        "import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'\ntorch.ones(1).to(device)"
    ),
    "old modules with a way out": "try:\n    import imp\nexcept ImportError:\n    import importlib",
    "to_categorical of today": "from keras.utils import to_categorical",
}


@pytest.mark.parametrize("name", RIGHT_CELLS)
def test_a_cell_that_is_all_right_gives_no_finding(name: str, write: Write) -> None:
    assert codes_in(write([RIGHT_CELLS[name]])) == []


def test_a_python_module_beside_the_notebook_is_found(write: Write) -> None:
    path = write(["import my_helper"])
    assert codes_in(path) == ["CS402"]
    path.with_name("my_helper.py").touch()
    assert codes_in(path) == []


def test_a_module_that_the_notebook_writes_is_found(write: Write) -> None:
    assert codes_in(write(["%%writefile my_helper.py\nx = 1", "import my_helper"])) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "display_name": "R"}},
        {"kernelspec": {"name": "julia-1.10", "display_name": "Julia", "language": "julia"}},
        {"language_info": {"name": "R"}},
    ],
)
def test_of_other_languages_only_the_format_is_checked(metadata: dict[str, Any], write: Write) -> None:
    path = write(["x <- c(1, 2)\nlibrary(ggplot2)", "import nothing_like_this"], metadata=metadata)
    assert codes_in(path) == []


def test_parameters_may_be_literals_with_types_and_form_fields(write: Write) -> None:
    cell = (
        '# @title Parameters\nepochs: int = 3  # @param {type:"integer"}\nlr = -1e-3\nsizes = [1, (2,)]\nday = 24 * 60'
    )
    assert codes_in(write([parameters(cell)])) == []


def test_a_cell_that_shall_fail_may_be_no_python(write: Write) -> None:
    assert codes_in(write([code("print 'x'", tags=["raises-exception"])])) == []


def test_a_gpu_for_code_that_may_use_one_is_all_right(write: Write) -> None:
    path = write(["import keras"], metadata={"accelerator": "GPU"})
    assert codes_in(path) == []
    path = write(["import numpy", "!nvidia-smi"], metadata={"accelerator": "GPU"})
    assert codes_in(path) == []


def test_an_index_of_badges_is_all_right(write: Write) -> None:
    badge = "[![](colab-badge.svg)](https://colab.research.google.com/github/a/b/blob/main/{}.ipynb)"
    assert codes_in(write([text("\n".join(map(badge.format, "xyz")))])) == []


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("import nothing_like_this  # colab-starter: ignore", []),
        ("# colab-starter: ignore CS402\nimport nothing_like_this", []),
        ("# colab-starter: ignore CS301, CS402\nimport nothing_like_this", []),
        ("# colab-starter: ignore CS4\nimport nothing_like_this", []),
        ("# colab-starter: ignore CS401\nimport nothing_like_this", ["CS402"]),
    ],
)
def test_a_comment_switches_rules_off_in_its_cell(source: str, codes: list[str], write: Write) -> None:
    assert codes_in(write([source])) == codes


def test_the_comment_does_not_reach_other_cells(write: Write) -> None:
    assert codes_in(write(["# colab-starter: ignore", "import nothing_like_this"])) == ["CS402"]


def test_outputs_of_a_cell_that_opts_out_are_kept(write: Write) -> None:
    cell = code("1 + 1  # colab-starter: ignore CS105") | {"execution_count": 1}
    assert codes_in(write([cell])) == []


def test_the_runtime_decides_what_is_there(write: Write) -> None:
    path = write(["import cv2\ncv2.CascadeClassifier('a.xml')\nimport imp"])
    assert codes_in(path, "latest") == ["CS503", "CS407"]
    assert codes_in(path, "2026.04") == ["CS407"]
    assert codes_in(path, "2025.07") == []


def test_on_a_tpu_there_is_no_tensorflow(write: Write) -> None:
    assert codes_in(write(["import tensorflow"], metadata={"accelerator": "TPU"})) == ["CS402"]


def test_an_import_that_our_install_cell_does_not_know_is_found(all_lessons: Path, tmp_path: Path) -> None:
    notebook = json.loads((all_lessons / "notebooks" / "blank.ipynb").read_text())
    notebook["cells"].append(code("import catboost") | {"id": "mine"})
    path = tmp_path / "blank.ipynb"
    path.write_text(json.dumps(notebook))
    assert codes_in(path) == ["CS402"]
    path.write_text(path.read_text().replace("needed = {", 'needed = {\\"catboost\\": \\"catboost\\", '))
    assert codes_in(path) == []


ANSWERS = [
    pytest.param(accelerator, use_drive, marks=[pytest.mark.weekly] if (place + use_drive) % 2 else [])
    for place, accelerator in enumerate(QUESTIONS["accelerator"])
    for use_drive in (False, True)
]
"""With Drive and without it in turn each day: it and the accelerator have nothing to do with one another."""


@pytest.mark.parametrize(("accelerator", "use_drive"), ANSWERS)
def test_every_preset_passes_with_every_accelerator(accelerator: str, use_drive: bool, tmp_path: Path) -> None:
    assert "all" in PRESETS
    project = bake_into(
        tmp_path / "baked",
        preset="all",
        accelerator=accelerator,
        use_drive=use_drive,
        extra_pip_packages="einops timm>=1.0" if use_drive else "",
        github_repository="ada/digits",
    )
    runtime = "latest" if use_drive else "2026.04"
    assert {path.stem: codes_in(path, runtime) for path in sorted((project / "notebooks").iterdir())} == {
        lesson: [] for lesson in sorted(set(PRESETS) - {"all"})
    }


QUIET_CELLS: dict[str, Cells] = {
    "programs that Colab has": ["!apt install ffmpeg\n!apt-get install graphviz xvfb jq\n!apt install libgl1-mesa-glx"],
    "packages that need no other": ["!apt install git-lfs\n!sudo apt-get install 'zstd' tree > /dev/null"],
    "apt in a text": ["!echo apt install swig\nprint('apt install swig')\n!pip install apt-install"],
    "a magic of Colab in a notebook for Colab": ["%shell wget -q https://example.org/a.zip\n", "%%shell\nls"],
    "a magic that is caught": ["try:\n    %tensorflow_version 2.x\nexcept Exception:\n    pass"],
    "an install in parentheses": ["!(pip install -q seqeval)\n!( pip3 install --user 'kfp<2' )", "import seqeval, kfp"],
    "an install in a block": ["!{ pip install seqeval; }\n!(cd /tmp && pip install kmodes)", "import seqeval, kmodes"],
    "a script that ends before": [
        "%%bash\nwhich rocm-smi || exit 1\npip install -U --force-reinstall torch torchvision"
    ],
    "an upgrade before the first import": ["!pip install -q -U keras", "import keras"],
    "all of torch": ["!pip install -U torch torchvision torchaudio"],
    "an upgrade of what nothing is built on": ["%pip install --upgrade pandas matplotlib pillow scikit-learn h5py"],
    "a version in a comment": ['!pip install "attrs~=23.1"  # wants numpy>=1.20'],
    "a version in another command": ["!pip install einops && echo timm>1.txt\n!echo timm>=1.0"],
    "a version in a comment of a script": ["%%bash\npip install einops  # timm>=1.0\n# pip install timm>=1.0"],
    "a module that may be beside another folder": ["import os\nos.chdir('/content/lessons')\nimport my_helpers"],
    "a secret with another source": [
        "import os\nfrom google.colab import userdata\nkey = os.environ.get('K') or userdata.get('K')"
    ],
    "drive, if it is Colab": [
        "import sys\nfrom google.colab import drive\nIN_COLAB = 'google.colab' in sys.modules\n"
        "IN_COLAB and drive.mount('/content/gdrive')"
    ],
    "imshow where there is a screen": [
        "import cv2, sys\nif 'google.colab' not in sys.modules:\n    cv2.imshow('a', 1)"
    ],
}


@pytest.mark.parametrize("name", QUIET_CELLS)
def test_what_a_look_at_the_code_refutes_is_not_told(name: str, write: Write) -> None:
    assert codes_in(write(QUIET_CELLS[name])) == []


@pytest.mark.parametrize(
    ("source", "code", "mentions"),
    [
        ("!apt install ffmpeg swig", "CS307", "may ask"),
        ("!apt-get upgrade", "CS307", "may ask"),
        ("!apt-get remove ffmpeg", "CS307", "may ask"),
        ("!(apt install swig)", "CS307", "-y"),
        ("%%bash\nif [ ! -f x ]; then apt install swig; fi", "CS307", "-y"),
        (COLAB + "drive.mount('/content/gdrive/')", "CS301", 'os.path.isdir("/content/gdrive/MyDrive")'),
        (
            COLAB + "ROOT = '/content/x'\ndrive.mount(mountpoint=ROOT, force_remount=True)",
            "CS301",
            'os.path.isdir(ROOT + "/MyDrive")',
        ),
        (COLAB + "userdata.get('HF_TOKEN')\nuserdata.get('HF_TOKEN')", "CS304", "os.environ.get('HF_TOKEN') or"),
        ("%tensorflow_version 1.x", "CS305", "ValueError"),
        ("if True:\n    %tensorflow_version 2.x", "CS305", "no effect"),
        ("try:\n    x = 1\nexcept ValueError:\n    %tensorflow_version 1.x", "CS305", "ValueError"),
        ("import cv2\ntry:\n    cv2.imshow('a', 1)\nexcept Exception as e:\n    print(e)", "CS309", "plt.imshow"),
        ("import cv2\nwhile True:\n    cv2.imshow('a', 1)", "CS309", "plt.imshow"),
        ("from config import SIZE", "CS402", "if it is a file of yours"),
        ("import helper", "CS402", "fetch it first"),
        ("import sonnet as snt", "CS402", "dm-sonnet"),
        ("import scikitplot", "CS402", "sklearn.metrics"),
        ("import kmodes", "CS402", "%pip install kmodes"),
        ("import whisper", "CS402", "%pip install openai-whisper"),
        ("# !pip install seqeval\nimport seqeval", "CS402", "cell 1 has the install in a comment"),
        ("import os\nos.chdir('/content')\nexec('x = 1')\nimport kmodes", "CS402", "%pip install kmodes"),
        ("!pip install --upgrade numpy", "CS404", "--upgrade replaces numpy"),
        ("!pip install -U torch", "CS404", "torch"),
        ("%%bash\npip install -U torch\nexit 0", "CS404", "-U"),
        ("!(pip install timm>=1.0)", "CS406", "quotes"),
        ("%%bash\npip install einops \\\n  timm>=1.0", "CS406", "quotes"),
    ],
)
def test_what_is_told_says_what_happens_and_what_to_write(source: str, code: str, mentions: str, write: Write) -> None:
    (finding,) = findings_in(write([source]))
    assert finding.code == code
    assert mentions in finding.message
    assert len(finding.message) < 250


def test_a_magic_of_colab_is_told_in_a_notebook_that_papermill_runs(write: Write) -> None:
    found = findings_in(write([parameters("x = 1"), "%shell ls", "%%shell\nls", "%%shell --ignore-errors\nls"]))
    assert [(finding.code, finding.cell) for finding in found] == [("CS306", 2), ("CS306", 3), ("CS306", 4)]
    line, cell, with_option = [finding.message for finding in found]
    assert "subprocess.run(" in line
    assert "--fix" in cell
    assert "--fix" not in line + with_option


def test_each_secret_is_told_once(write: Write) -> None:
    first, second = "userdata.get('A')", "userdata.get('B')"
    found = findings_in(write([f"{COLAB}x = {first}", f"y = {second}", f"z = {first}"]))
    assert [(finding.code, finding.cell) for finding in found] == [("CS304", 1), ("CS304", 2)]


def test_ids_are_told_once_a_notebook(write: Write) -> None:
    cells = [text(f"part {number}") | {"metadata": {"id": "step"}} for number in range(6)]
    (finding,) = findings_in(write(list(cells)))
    assert (finding.code, finding.cell) == ("CS104", 2)
    assert "4 more" in finding.message


@pytest.mark.parametrize(
    ("widgets", "mentions"),
    [
        ({"application/vnd.jupyter.widget-state+json": {"a": {}}}, "GitHub"),
        ({"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}, "left from a run"),
    ],
)
def test_widgets_are_told_with_what_they_do(widgets: dict[str, Any], mentions: str, write: Write) -> None:
    (finding,) = findings_in(write(["x = 1"], metadata={"widgets": widgets}))
    assert finding.code == "CS106"
    assert mentions in finding.message


@pytest.mark.parametrize(
    ("guard", "codes"),
    [
        ("device = 'cuda' if torch.cuda.is_available() else 'cpu'", []),
        ("if torch.cuda.device_count():\n    print('GPU')", []),
        ("use_gpu = False\nif use_gpu:\n    pass", []),
        ("# if you have a GPU, choose it\n# torch.cuda.is_available()", ["CS502"]),
    ],
)
def test_a_comment_about_the_gpu_is_no_test_for_one(guard: str, codes: list[str], write: Write) -> None:
    assert codes_in(write([f"import torch\n{guard}", "torch.nn.Linear(2, 2).cuda()"])) == codes
