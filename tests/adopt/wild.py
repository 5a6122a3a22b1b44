"""Notebooks as people have them, made from a seed: installs first, Drive, forms, widgets, old formats, odd JSON.

Each computes ``score`` from two constants, so that a test can tell whether a parameter arrives.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Json = dict[str, Any]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n"
LATEST = (4, 5)


@dataclass
class Wild:
    """A notebook, and what is known about it."""

    content: bytes
    """The file."""
    rate: str
    """The name of a constant on which ``score`` depends."""
    runs: bool
    """It can be executed here: no TensorFlow, no network."""
    traits: set[str] = field(default_factory=set)


@dataclass
class _Draft:
    random: Random
    cells: list[Json]
    traits: set[str]
    metadata: Json
    rate: str
    steps: str
    runs: bool = True

    def code(self, source: str, **metadata: Any) -> None:
        cell: Json = {
            "cell_type": "code",
            "execution_count": None,
            "metadata": metadata,
            "outputs": [],
            "source": source,
        }
        self.cells.append(cell)

    def text(self, source: str) -> None:
        self.cells.append({"cell_type": "markdown", "metadata": {}, "source": source})

    def has(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)


def make_wild(seed: int) -> Wild:
    """The notebook of this seed; always the same."""
    random = Random(seed)
    rate = random.choice(("lr", "learning_rate", "LEARNING_RATE", "alpha", "学习率", "eta"))
    steps = random.choice(("epochs", "EPOCHS", "num_epochs", "n_steps", "轮数"))
    draft = _Draft(random, [], set(), {}, rate, steps)
    for add in (_introduce, _install, _mount, _import, _set_constants, _clutter, _leave_tf1, _compute, _end):
        add(draft)
    version = random.choice(((3, 0), (4, 0), (4, 1), (4, 2), (4, 4), LATEST, LATEST))
    _show_outputs(draft)
    _write_metadata(draft)
    notebook = _as_version(draft, version)
    draft.traits.add(f"format {version[0]}.{version[1]}")
    return Wild(_write(notebook, random, draft.traits), rate, draft.runs, draft.traits)


def _introduce(draft: _Draft) -> None:
    kind = draft.pick("title", "title", "badge", "none", "license", "chinese", "section")
    draft.traits.add(f"begins with {kind}")
    if kind == "badge":
        address = "https://colab.research.google.com/github/ada/digits/blob/main/a.ipynb"
        draft.text(f'<a href="{address}"><img src="https://colab.research.google.com/assets/colab-badge.svg"/></a>')
    if kind == "license":
        draft.code(
            '#@title Licensed under the Apache License, Version 2.0 (the "License");\n# you may not', cellView="form"
        )
    if kind in ("title", "badge"):
        draft.text("# Gradient descent\n\nA *small* example.")
    if kind == "chinese":
        draft.text("# 梯度下降\n\n一个很小的例子，带有中文说明。")
    if kind == "section":
        draft.text("## 1. Data")


_SAFE_INSTALLS = (
    "!pip install -q numpy",
    "!pip install nbformat --quiet",
    "%pip install pandas",
    "!pip3 install -q 'nbformat>=4.0' > /dev/null",
    "!pip install numpy pandas 2>&1 > /dev/null",
    "! pip install jsonschema",
    "%%capture\n!pip install traitlets",
)
_UNSAFE_INSTALLS = (
    "!pip install -r requirements.txt",
    "!pip install git+https://github.com/ada/digits",
    "!pip install -U numpy",
    "!pip install tensorflow==1.15",
    "!pip install 'numpy<2'",
    "!pip uninstall -y numpy && pip install numpy",
    "import sys\nif 'google.colab' in sys.modules:\n    !pip install numpy",
    "!pip install {package}",
    "!apt-get install -y ./local.deb",
    "%%bash\npip install numpy",
)


def _install(draft: _Draft) -> None:
    if draft.has(0.6):
        draft.traits.add("installs")
        draft.code(draft.pick(*_SAFE_INSTALLS))
    if draft.has(0.25):
        draft.traits.add("unsafe install")
        draft.code(draft.pick(*_UNSAFE_INSTALLS))
    if draft.has(0.15):
        draft.traits.add("apt")
        draft.code("!apt-get update -qq\n!apt-get install -y -qq graphviz > /dev/null")


def _mount(draft: _Draft) -> None:
    if draft.has(0.4):
        draft.traits.add("mounts Drive")
        call = draft.pick("'/content/drive'", '"/content/drive/"', '"/content/drive", force_remount=True')
        both = f"from google.colab import drive\ndrive.mount({call})"
        draft.code(draft.pick(both, f"# Mount\n{both}\n", both.replace("\n", "; ")))
        folder = draft.pick("Colab Notebooks/digits", "digits", "My data")
        name = f"/content/drive/{draft.pick('MyDrive', 'My Drive')}/{folder}"
        draft.code(
            draft.pick(
                f"DATA = '{name}/train.csv'\nTEST = \"{name}/test.csv\"",
                f"import os\nroot = r'{name}'\nos.path.join(root, 'train.csv')",
                f"paths = [f'{name}/{{i}}.csv' for i in range(3)]\nprint(paths)",
                f"template = '{name}/{{}}.csv'\nprint(template.format(1), {{'a': 1}})",
            )
        )


def _import(draft: _Draft) -> None:
    draft.code(draft.pick("import math", "import math, json\nimport numpy as np", "from math import *\nimport math"))
    if "*" in draft.cells[-1]["source"]:
        draft.traits.add("star import")


def _set_constants(draft: _Draft) -> None:
    rate, steps = draft.rate, draft.steps
    kind = draft.pick("plain", "plain", "form", "commented", "tagged", "annotated", "many cells")
    draft.traits.add(f"constants: {kind}")
    if kind == "form":
        draft.code(
            f'#@title Settings {{ display-mode: "form" }}\n{rate} = 0.25 #@param {{type:"slider", min:0, max:1, '
            f'step:0.05}}\n{steps} = 4 #@param {{type:"integer"}}\nmode = "a" #@param ["a", "b"]\nprint(mode)',
            cellView="form",
        )
    elif kind == "many cells":
        draft.code(f"{rate} = 0.25")
        draft.code(f"print('more')\n{steps} = 4\nlayers = [\n    32,  # first\n    64,\n]\nprint(layers)")
    elif kind == "annotated":
        draft.code(f"{rate}: float = 0.25\n{steps}: int = 4\nverbose: bool = False\nprint(verbose)")
    else:
        tags = {"tags": ["keep", "parameters"]} if kind == "tagged" else {}
        note = "  # how far each step goes" if kind == "commented" else ""
        draft.code(
            f"{rate} = 0.25{note}\n{steps} = 4\ntwice = {steps} * 2\nname = 'β \\'x\\' # no comment'\nprint(name)",
            **tags,
        )


_CLUTTER = (
    "# a comment and nothing else",
    "",
    "results = []\nresults.append(1)",
    "home = '/root'\nseed = 42\nprint(seed)",
    "output_dir = './out'\nprint(output_dir)",
    "gpus = 2\nprint(gpus)",
    "device = 'cpu'\nneeded = 3\nprint(device, needed)",
    "%matplotlib inline",
    "!ls -l\nfiles = !ls",
    "%%writefile notes.txt\nlr = 1\n/content/drive is only text here",
    "%%html\n<b>hello</b>",
    "%%time\nlimit = 7\ntotal = limit\nfor i in range(3):\n    total += i",
    "def helper(lr=0.5, epochs=3):\n    home = lr\n    return home * epochs",
    "a = 1; b = 2\nprint(a + b)",
    "x, y = 1, 2\nlist_of = [1, 2]\nlist_of.append(3)\nprint(x, list_of)",
    "try:\n    import tensorflow_addons\nexcept ImportError:\n    pass",
    "print?",
    "#@markdown ---\nprint('中文输出 🎉')",
    "s = 'quote \" and \\\\ backslash </script>'\nprint(s)",
)


def _clutter(draft: _Draft) -> None:
    for _ in range(draft.random.randint(0, 4)):
        if draft.has(0.4):
            draft.text(draft.pick("Some text", "### A heading", "公式 $x^2$ <b>&amp;</b>", "![a](attachment:a.png)"))
            if "attachment" in draft.cells[-1]["source"]:
                draft.cells[-1]["attachments"] = {"a.png": {"image/png": PIXEL.strip()}}
        draft.code(draft.pick(*_CLUTTER))
    if draft.has(0.1):
        draft.cells.append({"cell_type": "raw", "metadata": {}, "source": "raw text\n"})


def _leave_tf1(draft: _Draft) -> None:
    if not draft.has(0.2):
        return
    draft.traits.add("TensorFlow 1")
    draft.code(
        draft.pick(
            "%tensorflow_version 2.x",
            "try:\n  %tensorflow_version 2.x\nexcept Exception:\n  pass\nimport tensorflow as tf",
            "import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()",
            "import tensorflow as tf\nsess = tf.Session()\nx = tf.placeholder(tf.float32)",
        )
    )
    draft.runs = draft.cells[-1]["source"] == "%tensorflow_version 2.x"


def _compute(draft: _Draft) -> None:
    if draft.has(0.5):
        draft.text(draft.pick("## Training", "训练", "Now it learns."))
    draft.code(
        f"weight = 1.0\nfor step in range({draft.steps}):\n    weight -= {draft.rate} * 2 * weight\n"
        f"    print(f'{{step}}: {{weight:.4f}}')\nscore = math.fabs(weight) + {draft.steps}"
    )


def _end(draft: _Draft) -> None:
    if draft.has(0.5):
        draft.code("print('score', score)")
    if draft.has(0.2):
        draft.text("That is all.")
    if draft.has(0.2):
        draft.code("")


def _show_outputs(draft: _Draft) -> None:
    if not draft.has(0.5):
        return
    draft.traits.add("outputs")
    for number, cell in enumerate(cell for cell in draft.cells if cell["cell_type"] == "code"):
        cell["execution_count"] = number + 1
        cell["outputs"] = draft.pick(
            [],
            [{"name": "stdout", "output_type": "stream", "text": ["0: 0.5000\n", "1: 中\u2028 <b>\n"]}],
            [{"data": {"image/png": PIXEL, "text/plain": ["<Figure>"]}, "metadata": {}, "output_type": "display_data"}],
            [{"ename": "E", "evalue": "v", "output_type": "error", "traceback": ["\u001b[0;31mE\u001b[0m"]}],
            [
                {
                    "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "ab"}, "text/plain": "W()"},
                    "metadata": {"tags": []},
                    "output_type": "display_data",
                }
            ],
        )


def _write_metadata(draft: _Draft) -> None:
    draft.metadata = {
        "colab": {"provenance": [], "name": "我的.ipynb"},
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if draft.has(0.2):
        draft.metadata |= {"accelerator": "GPU"}
    if draft.has(0.2):
        draft.traits.add("widgets")
        state = {"ab": {"model_module": "@jupyter-widgets/controls", "model_name": "HTMLModel", "state": {}}}
        draft.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    if draft.has(0.1):
        del draft.metadata["language_info"]


def _as_version(draft: _Draft, version: tuple[int, int]) -> Json:
    cells = draft.cells
    for number, cell in enumerate(cells):
        if draft.has(0.05):
            draft.traits.add("CRLF in cells")
            cell["source"] = cell["source"].replace("\n", "\r\n")
        if draft.has(0.6):
            cell["source"] = cell["source"].splitlines(keepends=True)
        name = f"c{number}-{draft.random.randrange(16**6):06x}"
        if version >= LATEST:
            cell["id"] = name
        elif draft.has(0.5):
            cell["metadata"]["id"] = name
    if version < (4, 0):
        return _as_version_3(draft)
    if version < (4, 1):
        for cell in cells:
            cell.pop("attachments", None)
    head = {"nbformat": version[0], "nbformat_minor": version[1]}
    body = {"metadata": draft.metadata, "cells": cells}
    return {**head, **body} if draft.has(0.5) else {**body, **head}


def _as_version_3(draft: _Draft) -> Json:
    cells = [_as_cell_3(cell) for cell in draft.cells]
    metadata = {"name": "old", **draft.metadata}
    middle = len(cells) // 2 if draft.has(0.3) else len(cells)
    parts = [part for part in (cells[:middle], cells[middle:]) if part]
    sheets = [{"cells": part, "metadata": {}} for part in parts]
    return {"metadata": metadata, "nbformat": 3, "nbformat_minor": 0, "worksheets": sheets}


def _as_cell_3(cell: Json) -> Json:
    if cell["cell_type"] != "code":
        return {key: value for key, value in cell.items() if key != "attachments"}
    old = {key: value for key, value in cell.items() if key not in ("source", "execution_count", "outputs")}
    outputs = [
        {"output_type": "stream", "stream": "stdout", "text": output["text"]}
        for output in cell["outputs"]
        if output["output_type"] == "stream"
    ]
    return {**old, "input": cell["source"], "language": "python", "outputs": outputs, "prompt_number": 1}


def _write(notebook: Json, random: Random, traits: set[str]) -> bytes:
    """The JSON in the style of one of the programs that write notebooks."""
    styles: tuple[tuple[str, Callable[[], str]], ...] = (
        ("Jupyter", lambda: json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"),
        ("Colab", lambda: json.dumps(notebook, indent=2, ensure_ascii=False)),
        ("compact", lambda: json.dumps(notebook, separators=(",", ":"))),
        ("ascii", lambda: json.dumps(notebook, indent=4)),
        ("one line", lambda: json.dumps(notebook, ensure_ascii=False)),
        ("escaped", lambda: json.dumps(notebook, indent=2, ensure_ascii=False).replace("<", "\\u003c")),
        ("tabs", lambda: json.dumps(notebook, indent="\t", ensure_ascii=False)),
    )
    name, dump = random.choice(styles)
    traits.add(f"JSON: {name}")
    content = dump().encode()
    if random.random() < 0.1:
        traits.add("CRLF")
        content = content.replace(b"\n", b"\r\n")
    if random.random() < 0.1:
        traits.add("byte-order mark")
        content = b"\xef\xbb\xbf" + content
    return content
