"""The executed notebook's file: its bytes, how often it is written, and what happens when it cannot be."""

import copy
import html
import io
import json
import os
import random
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from nbformat import NotebookNode, v4

from colab_starter.errors import SaveError
from colab_starter.run.secrets import Mask
from colab_starter.run.worker.executed_notebook import ExecutedNotebook, read_source
from colab_starter.run.worker.saving import NotebookFile, NotebookText, TimedSaves

GALLERY = sorted((Path(__file__).parents[3] / "gallery").glob("*.ipynb"))


def make(*cells: NotebookNode) -> ExecutedNotebook:
    return ExecutedNotebook(v4.new_notebook(cells=list(cells)))


def text_of(notebook: ExecutedNotebook, *secrets: str) -> str:
    return b"".join(NotebookText(notebook, Mask(secrets)).encode()).decode()


def as_nbformat_writes(notebook: ExecutedNotebook) -> str:
    file = io.StringIO()
    nbformat.write(notebook.node, file)
    return file.getvalue()


@pytest.fixture
def rich() -> ExecutedNotebook:
    """A notebook with each kind of output, and characters that are written in odd ways."""
    cell = v4.new_code_cell("print('é')\r\n\x0cx = '\u2028'\n", metadata={"b": [], "a": {"c": {}, "n": float("nan")}})
    cell.outputs = [
        v4.new_output("stream", name="stderr", text="a\rb\n\nc"),
        v4.new_output(
            "display_data", {"image/png": "aGk=\n", "text/html": "<b>\n</b>", "application/json": {"a": [1]}}
        ),
        v4.new_output("execute_result", {"text/plain": "'\\n'"}, execution_count=3),
        v4.new_output("error", ename="E", evalue="é\n", traceback=["\x1b[0m", "b\n"]),
    ]
    note = v4.new_markdown_cell("a\nb", attachments={"a.png": {"image/png": "aGk="}})
    return make(cell, note, v4.new_raw_cell(""), v4.new_code_cell(""))


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_real_notebooks_are_written_byte_for_byte_as_nbformat_does(path: Path) -> None:
    notebook = ExecutedNotebook(read_source(path))
    assert text_of(notebook) == as_nbformat_writes(notebook)


def test_any_output_is_written_byte_for_byte_as_nbformat_does(rich: ExecutedNotebook) -> None:
    assert text_of(rich) == as_nbformat_writes(rich)


ATOMS: tuple[Any, ...] = (
    "",
    "a",
    "é\n\u2028",
    '"\\\t',
    "</",
    "\x7f\x1b",
    0,
    -7,
    1.5,
    1e300,
    float("inf"),
    True,
    False,
    None,
    {},
    [],
)


def make_json(pick: random.Random, depth: int = 0) -> Any:
    kind = pick.choice(["atom", "list", "dict"]) if depth < 4 else "atom"
    if kind == "list":
        return [make_json(pick, depth + 1) for _ in range(pick.randrange(4))]
    if kind == "dict":
        return {f"{pick.choice('ab€')}{n}": make_json(pick, depth + 1) for n in range(pick.randrange(4))}
    return pick.choice(ATOMS)


def make_odd_cell(pick: random.Random) -> NotebookNode:
    cell: NotebookNode = v4.new_code_cell("1", metadata={"m": make_json(pick)})
    for _ in range(pick.randrange(4)):
        data = {"application/json": make_json(pick), "application/x+json": make_json(pick), "text/html": "<b>\n<i>"}
        output = v4.new_output("display_data", data, metadata={"k": make_json(pick)})
        cell.outputs += [output, v4.new_output("stream", text=f"{make_json(pick)}\n\n")]
    return cell


def test_any_json_is_written_byte_for_byte_as_nbformat_does() -> None:
    pick = random.Random(5)
    for _ in range(200):
        notebook = make(make_odd_cell(pick))
        assert text_of(notebook) == as_nbformat_writes(notebook)


def test_writing_a_cell_does_not_change_it(rich: ExecutedNotebook) -> None:
    before = copy.deepcopy(rich.node)
    text_of(rich, "hunter2")
    assert rich.node == before


def test_a_notebook_without_cells_too() -> None:
    assert text_of(make()) == as_nbformat_writes(make())


def test_only_what_changed_is_written_anew(rich: ExecutedNotebook) -> None:
    text = NotebookText(rich, Mask())
    text.encode()
    rich.node.cells[0].outputs = []
    rich.changed.add(0)
    rich.node.cells[1].source = "not told"
    content = b"".join(text.encode())
    assert b"traceback" not in content
    assert b"not told" not in content


def test_half_a_surrogate_pair_does_not_keep_the_rest_from_being_written() -> None:
    assert json.loads(text_of(make(v4.new_code_cell("'\ud800'"))))["cells"][0]["source"] == ["'?'"]


def test_secrets_are_masked_in_cells_and_metadata(rich: ExecutedNotebook) -> None:
    rich.node.cells[1].source = "hunter2"
    rich.node.metadata["papermill"] = {"parameters": {"key": "hunter2"}}
    content = text_of(rich, "hunter2")
    assert "hunter2" not in content
    nbformat.validate(json.loads(content))


SECRETS = ("hunter2", "pass\nword", "é'quoted\"", "12345678", "back\\slash", "line one\nline two", "a b c d")
WRITTEN = (str, repr, ascii, json.dumps, html.escape, quote, lambda secret: secret[:-1], lambda secret: f"x{secret}y")


def make_telling_cell(pick: random.Random) -> NotebookNode:
    """A cell in which secrets stand in many places and spellings, or almost."""

    def write() -> str:
        text = pick.choice(WRITTEN)(pick.choice(SECRETS)) if pick.random() < 0.3 else "nothing"
        return text[:3] + "\x1b[31m" + text[3:] if pick.random() < 0.1 else text

    cell: NotebookNode = v4.new_code_cell(write(), metadata={write(): write(), "n": pick.choice([12345678, 1])})
    for _ in range(pick.randrange(4)):
        data = {"text/plain": write(), "application/json": {write(): [write(), pick.choice([12345678, 2])]}}
        cell.outputs.append(v4.new_output("display_data", data, metadata={"m": write()}))
        cell.outputs.append(v4.new_output("stream", text=f"{write()}\n{write()}"))
    return cell


def test_secrets_are_masked_wherever_they_stand_and_the_rest_is_written_as_nbformat_does() -> None:
    pick, mask = random.Random(8), Mask(SECRETS)
    told = 0
    for _ in range(400):
        cell = make_telling_cell(pick)
        masked = mask.apply_to_cell(cell)
        told += masked != cell
        assert text_of(make(cell), *SECRETS) == as_nbformat_writes(make(masked))
    assert 100 < told < 390


class Clock:
    """Time that passes when we say so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("cost", [0.0001, 0.01, 0.7, 30])
def test_saving_takes_a_twentieth_of_the_time_at_most(cost: float) -> None:
    clock, notebook, spent = Clock(), make(v4.new_code_cell("")), 0.0

    def save() -> None:
        nonlocal spent
        notebook.changed.clear()
        clock.now += cost
        spent += cost

    saves = TimedSaves(notebook, save, clock)
    while clock.now < 4100:
        notebook.changed.add(0)
        notebook.new_characters = int(cost * 40e6)
        clock.now += 0.25
        saves.do_if_due()
        assert spent <= 0.05 * (clock.now - 100)
    assert spent > 0


def test_the_first_save_comes_after_a_second_and_only_if_there_is_something_new() -> None:
    clock, notebook, count = Clock(), make(v4.new_code_cell("")), 0

    def save() -> None:
        nonlocal count
        notebook.changed.clear()
        count += 1

    saves = TimedSaves(notebook, save, clock)
    assert saves.next_time() == 101
    saves.do_if_due()
    assert count == 0
    clock.now = 101
    saves.do_if_due()
    clock.now = 200
    saves.do_if_due()
    assert count == 1
    assert saves.next_time() == float("inf")


def test_a_save_that_fails_does_not_end_the_run() -> None:
    clock = Clock()

    def save() -> None:
        raise OSError(28, "No space left on device")

    saves = TimedSaves(make(v4.new_code_cell("")), save, clock)
    clock.now = 200
    saves.do_if_due()


def test_the_partial_file_goes_when_the_final_one_is_there(rich: ExecutedNotebook, tmp_path: Path) -> None:
    file = NotebookFile(NotebookText(rich, Mask()), tmp_path / "keras.ipynb")
    file.save_partial()
    assert [path.name for path in tmp_path.iterdir()] == ["keras.partial.ipynb"]
    file.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["keras.ipynb"]


def test_a_folder_that_has_gone_is_told_in_one_line(rich: ExecutedNotebook, tmp_path: Path) -> None:
    file = NotebookFile(NotebookText(rich, Mask()), tmp_path / "gone" / "keras.ipynb")
    with pytest.raises(SaveError, match=r"keras.ipynb could not be written \(No such file or directory\)"):
        file.finish()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB, or files of 2 MB at most where nothing can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode == 0:
        yield disk
        subprocess.run(["umount", disk], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    yield disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_in_one_line_and_what_was_there_stays(small_disk: Path) -> None:
    path = small_disk / "keras.ipynb"
    path.write_text("good")
    notebook = make(v4.new_code_cell("#" * 3_000_000))
    file = NotebookFile(NotebookText(notebook, Mask()), path)
    with pytest.raises(OSError, match=r"space|large"):
        file.save_partial()
    with pytest.raises(SaveError, match=r"keras.ipynb could not be written \((No space left|File too large)"):
        file.finish()
    assert path.read_text() == "good"
    assert os.listdir(small_disk) == ["keras.ipynb"]


def test_the_room_of_the_partial_file_is_there_for_the_final_one(small_disk: Path) -> None:
    file = NotebookFile(NotebookText(make(v4.new_code_cell("#" * 1_300_000)), Mask()), small_disk / "keras.ipynb")
    file.save_partial()
    file.finish()
    assert os.listdir(small_disk) == ["keras.ipynb"]
