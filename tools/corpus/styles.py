"""How notebooks are written and saved: badges, metadata, formats, and styles of JSON."""

import json
from random import Random

from tools.corpus.damage import Json
from tools.corpus.templates import Options

NAME = "lesson.ipynb"
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
_PLACES = {
    "own": (f"notebooks/{NAME}",),
    "other": ("notebooks/other.ipynb", "notebooks/part_2.ipynb"),
    "renamed": (f"notebooks/old_{NAME}", "notebooks/Untitled0.ipynb"),
    "table": ("notebooks/clip_demo.ipynb",),
    "template": ("notebooks/{{colabname}}",),
}
_PYTHON = {"name": "python3", "display_name": "Python 3"}
_KAGGLE = {
    "offline": {"isInternetEnabled": False},
    "online": {"isInternetEnabled": True},
    "cpu": {"accelerator": "none", "isGpuEnabled": False, "isInternetEnabled": True},
    "gpu": {"accelerator": "nvidiaTeslaT4", "isGpuEnabled": True, "isInternetEnabled": True},
}
"""What Kaggle keeps in the metadata, as far as it matters here."""
_KERNELS = {
    "python3": _PYTHON,
    "swift": {"name": "swift", "display_name": "Swift", "language": "swift"},
    "xcpp": {"name": "xcpp17", "display_name": "C++17", "language": "C++17"},
    "ir": {"name": "ir", "display_name": "R", "language": "R"},
    "environment": {"name": "conda-env-lessons-py", "display_name": "Python [conda env:lessons]", "language": "python"},
}


def make_badge(kind: str, random: Random) -> Json:
    """A cell with a badge that opens this notebook (``own``), or one of the other kinds."""
    address = f"https://colab.research.google.com/github/ada/lessons/blob/main/{random.choice(_PLACES[kind])}"
    badge = f"[![Open In Colab]({_BADGE})]({address})"
    source = f"# Community\n\n| what | where |\n|---|---|\n| clip | {badge} |\n" if kind == "table" else badge
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def make_notebook(cells: list[Json], options: list[Options], random: Random) -> Json:
    """The notebook of the cells, as Colab, Jupyter and other programs save it."""
    metadata = _make_metadata(options, random)
    minor = random.choice((0, 0, 2, 4, 5))
    has_outputs = random.random() < 0.15
    for number, cell in enumerate(cells, 1):
        if minor == 5:
            cell["id"] = f"cell-{number}-{random.getrandbits(32):x}"
        elif minor == 0 and "colab" in metadata:
            cell["metadata"]["id"] = f"{random.getrandbits(60):x}"
        if random.random() < 0.9:
            cell["source"] = cell["source"].splitlines(keepends=True)
        if has_outputs and cell["cell_type"] == "code":
            output = {"output_type": "stream", "name": "stdout", "text": ["done\n"]}
            cell |= {"execution_count": number, "outputs": [output]}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}


def _make_metadata(options: list[Options], random: Random) -> Json:
    kernel = next((one["kernel"] for one in options if "kernel" in one), "python3")
    metadata: Json = {"kernelspec": _KERNELS[kernel]} if kernel in _KERNELS else {}
    if kernel == "python3" and random.random() < 0.7:
        metadata["language_info"] = {"name": "python", "version": "3.10.12"}
    if any("gpu" in one for one in options):
        metadata |= {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}
    elif random.random() < 0.5:
        metadata["colab"] = {"provenance": [], "toc_visible": True}
    for one in options:
        if "kaggle" in one:
            metadata["kaggle"] = {"dataSources": [], "language": "python", "sourceType": "notebook"}
            metadata["kaggle"] |= _KAGGLE[one["kaggle"]]
    return metadata


def write_json(notebook: Json, random: Random) -> str:
    """As one of the programs that save notebooks writes it."""
    indent = random.choice((1, 1, 1, 2, None))
    separators = (",", ":") if indent is None and random.random() < 0.5 else None
    text = json.dumps(notebook, indent=indent, ensure_ascii=random.random() < 0.4, separators=separators)
    text += random.choice(("", "\n", "\n"))
    return text.replace("\n", "\r\n") if random.random() < 0.05 else text
