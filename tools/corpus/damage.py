"""Faults of the file itself: in its JSON, its format, its ids and its outputs; and files that are fine but look odd."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

Json = dict[str, Any]


class Damage(NamedTuple):
    """One way to change a notebook."""

    change: Callable[[Json, Random], Json | str]
    """Returns the notebook, or the text of the file."""
    is_fault: bool


class DamageKind(NamedTuple):
    """A kind of fault of the file."""

    name: str
    codes: tuple[str, ...]
    ways: tuple[Damage, ...]


def _code_cells(notebook: Json) -> list[Json]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _any_code(notebook: Json, random: Random) -> Json:
    return random.choice(_code_cells(notebook))


def cut_off(notebook: Json, random: Random) -> str:
    text = json.dumps(notebook, indent=1)
    return text[: int(len(text) * random.uniform(0.3, 0.9))]


def merge_in_json(notebook: Json, random: Random) -> str:
    lines = json.dumps(notebook, indent=1).split("\n")
    place = random.randrange(2, len(lines) - 2)
    return "\n".join([*lines[:place], "<<<<<<< HEAD", lines[place], "=======", *lines[place:], ">>>>>>> main"])


def write_nan(notebook: Json, random: Random) -> str:
    output = {"output_type": "display_data", "metadata": {}, "data": {"application/json": {"loss": float("nan")}}}
    _any_code(notebook, random).update(outputs=[output], execution_count=None)
    return json.dumps(notebook, indent=1)


def empty(notebook: Json, random: Random) -> str:
    return random.choice(("", "\n", "[]"))


def drop_key(notebook: Json, random: Random) -> Json:
    del _any_code(notebook, random)[random.choice(("outputs", "execution_count", "metadata"))]
    return notebook


def odd_cell(notebook: Json, random: Random) -> Json:
    cell: Json = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "1 + 1"}
    if random.random() < 0.5:
        del cell["source"]
    else:
        cell["cell_type"] = random.choice(("cod", "heading", "Code"))
    notebook["cells"].append({**cell, **({"id": "odd"} if notebook["nbformat_minor"] == 5 else {})})
    return notebook


def no_cells(notebook: Json, random: Random) -> str:
    return json.dumps({**notebook, "cells": None} if random.random() < 0.5 else {"metadata": {}, "data": [1, 2]})


def metadata_in_stream(notebook: Json, random: Random) -> Json:
    stream = {"output_type": "stream", "name": "stdout", "text": ["3\n"], "metadata": {"tags": []}}
    _any_code(notebook, random)["outputs"] = [stream]
    return notebook


def id_in_old_minor(notebook: Json, random: Random) -> Json:
    notebook["nbformat_minor"] = random.choice((0, 2, 4))
    for cell in notebook["cells"]:
        cell.pop("id", None)
    _any_code(notebook, random)["id"] = f"{random.getrandbits(32):08x}"
    return notebook


def result_without_count(notebook: Json, random: Random) -> Json:
    output = {"output_type": "execute_result", "data": {"text/plain": ["3"]}, "metadata": {}}
    _any_code(notebook, random)["outputs"] = [output]
    return notebook


def sound_outputs(notebook: Json, random: Random) -> Json:
    cell = _any_code(notebook, random)
    cell["execution_count"] = 3
    cell["outputs"] = [
        {"output_type": "stream", "name": "stderr", "text": "warning\n"},
        {"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": "3"}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/png": "aGk="}, "metadata": {"needs_background": "light"}},
    ]
    return notebook


def to_version_3(notebook: Json, random: Random) -> Json:
    cells = []
    for cell in notebook["cells"]:
        old: Json = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            old |= {"input": cell["source"], "language": "python", "outputs": [], "collapsed": False}
        else:
            old |= {"source": cell["source"]}
        cells.append(old)
    sheet = {"cells": cells, "metadata": {}}
    return {"metadata": {"name": "", **notebook["metadata"]}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]}


def _with_ids(notebook: Json, random: Random) -> Json:
    notebook["nbformat_minor"] = 5
    for cell in notebook["cells"]:
        cell["id"] = f"{random.getrandbits(48):012x}"
    return notebook


def same_ids(notebook: Json, random: Random) -> Json:
    cells = _with_ids(notebook, random)["cells"]
    cells[-1]["id"] = cells[0]["id"]
    return notebook


def no_ids(notebook: Json, random: Random) -> Json:
    del random.choice(_with_ids(notebook, random)["cells"])["id"]
    return notebook


def widgets_without_state(notebook: Json, random: Random) -> Json:
    view = {"model_module": "@jupyter-widgets/controls", "model_name": "HBoxModel", "state": {"children": []}}
    notebook["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {f"{random.getrandbits(48):x}": view}
    }
    return notebook


def widgets_with_state(notebook: Json, random: Random) -> Json:
    view = {"model_module": "@jupyter-widgets/controls", "model_name": "HBoxModel", "state": {"children": []}}
    state = {"state": {f"{random.getrandbits(48):x}": view}, "version_major": 2, "version_minor": 0}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return notebook


def old_widgets(notebook: Json, random: Random) -> Json:
    """As ipywidgets wrote them until 2016; every program shows such a notebook."""
    notebook["metadata"]["widgets"] = {"state": {f"{random.getrandbits(48):x}": {"views": []}}, "version": "1.1.1"}
    return notebook


def secret_in_output(notebook: Json, random: Random) -> Json:
    token = "hf_" + "".join(random.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", k=34))
    stream = {"output_type": "stream", "name": "stdout", "text": [f"token: {token}\n"]}
    _any_code(notebook, random)["outputs"] = [stream]
    return notebook


def with_mark(notebook: Json, random: Random) -> str:
    return "\ufeff" + json.dumps(notebook, indent=1)


def unchanged(notebook: Json, random: Random) -> Json:
    return notebook


KINDS = (
    DamageKind(
        "file that is no JSON",
        ("CS101",),
        (
            Damage(cut_off, True),
            Damage(merge_in_json, True),
            Damage(write_nan, True),
            Damage(empty, True),
            Damage(with_mark, False),
        ),
    ),
    DamageKind(
        "file that is no notebook",
        ("CS102",),
        (Damage(drop_key, True), Damage(odd_cell, True), Damage(no_cells, True), Damage(unchanged, False)),
    ),
    DamageKind(
        "output that nbformat refuses",
        ("CS102", "CS120"),
        (Damage(metadata_in_stream, True), Damage(result_without_count, True), Damage(sound_outputs, False)),
    ),
    DamageKind("id below nbformat 4.5", ("CS102", "CS120"), (Damage(id_in_old_minor, True), Damage(_with_ids, False))),
    DamageKind("nbformat 3", ("CS103",), (Damage(to_version_3, True), Damage(unchanged, False))),
    DamageKind("cell ids", ("CS104",), (Damage(same_ids, True), Damage(no_ids, True), Damage(_with_ids, False))),
    DamageKind(
        "saved widgets",
        ("CS106",),
        (
            Damage(widgets_without_state, True),
            Damage(widgets_with_state, True),
            Damage(old_widgets, True),
            Damage(unchanged, False),
        ),
    ),
    DamageKind("secret in an output", ("CS602",), (Damage(secret_in_output, True), Damage(sound_outputs, False))),
)
