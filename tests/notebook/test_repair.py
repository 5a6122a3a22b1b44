"""What a notebook's file may lack, and what cannot be meant."""

import copy
import json
from typing import Any

import nbformat
import pytest

from colab_starter.errors import BrokenNotebookError
from colab_starter.notebook.model import Json
from colab_starter.notebook.nesting import DEEPEST, is_too_deep
from colab_starter.notebook.repair import mend_notebook


def cell(**parts: Any) -> Json:
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "1",
        "outputs": [],
        "execution_count": None,
        **parts,
    }


def notebook(*cells: Any, **parts: Any) -> Json:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **parts}


def nest(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def mend(data: Json) -> Json:
    """Mend it; whatever comes out is a notebook as nbformat sees it, and the original is as it was."""
    before = copy.deepcopy(data)
    mended = mend_notebook(data)
    assert data == before
    nbformat.validate(mended)
    return mended


def test_a_good_notebook_stays_as_it_is_but_for_its_outputs() -> None:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python", "version": "3.11"}, "colab": {"name": "x"}}
    text = {"cell_type": "markdown", "id": "b", "metadata": {"k": 1}, "source": "![i](attachment:i.png)"}
    text["attachments"] = {"i.png": {"image/png": "iVBORw0KGgo="}}
    ran = cell(outputs=[{"output_type": "stream", "name": "stdout", "text": "old"}], execution_count=7)
    mended = mend(notebook(ran, text, metadata=metadata))
    assert mended == notebook(cell(), text, metadata=metadata)


NULLS = {
    "kernelspec": notebook(cell(), metadata={"kernelspec": None}),
    "kernelspec's fields": notebook(cell(), metadata={"kernelspec": {"name": None, "display_name": None}}),
    "language_info": notebook(cell(), metadata={"language_info": None}),
    "language": notebook(cell(), metadata={"language_info": {"name": None}}),
    "metadata": notebook(cell(), metadata=None),
    "other metadata": notebook(cell(), metadata={"widgets": None, "papermill": None, "execution": None, "title": None}),
    "cell metadata": notebook(cell(metadata=None)),
    "cell's other metadata": notebook(cell(metadata={"name": None, "collapsed": None, "jupyter": None})),
    "tags": notebook(cell(metadata={"tags": None})),
    "one tag": notebook(cell(metadata={"tags": [None]})),
    "source": notebook(cell(source=None)),
    "a line": notebook(cell(source=[None, "1"])),
    "outputs": notebook(cell(outputs=None)),
    "execution_count": notebook(cell(execution_count=None)),
    "id": notebook(cell(id=None)),
    "a cell": notebook(None, cell()),
    "attachments": notebook(cell(cell_type="markdown", attachments=None)),
    "nbformat": notebook(cell(), nbformat=None, nbformat_minor=None),
    "worksheets": notebook(cell(), worksheets=None),
    "cells": {"cells": None, "worksheets": [None, {"cells": None}, {"cells": [{"cell_type": "code", "input": "1"}]}]},
}


@pytest.mark.parametrize("data", NULLS.values(), ids=list(NULLS))
def test_null_is_the_same_as_nothing(data: Json) -> None:
    mended = mend(data)
    assert len(mended["cells"]) == 1
    assert mended["cells"][0]["source"] in ("", "1")


REFUSED = {
    "a version that is newer": (notebook(nbformat=5), "is of nbformat 5, and 4 is the newest"),
    "a version that is text": (notebook(nbformat="4"), "has '4' for nbformat"),
    "a version that is true": (notebook(nbformat=True), "has True for nbformat"),
    "no cells": ({"nbformat": 4}, "it is JSON, but without a notebook's cells"),
    "cells that are no list": (notebook() | {"cells": {}}, "an object, not a list"),
    "worksheets that are no list": ({"worksheets": 5}, "5, not a list"),
    "a worksheet that is none": ({"worksheets": [5]}, "a worksheet is 5"),
    "a cell that is none": (notebook(cell(), "text"), "cell 2 is 'text', not an object"),
    "a cell without a type": (notebook({"source": "1"}), "cell 1 has no type"),
    "a cell of a type of its own": (notebook(cell(cell_type="sql")), "cell 1 is of the type 'sql'"),
    "a type that is a list": (notebook(cell(cell_type=["code"])), "cell 1 is of the type a list"),
    "a source that is a number": (notebook(cell(source=5)), "the source of cell 1 is 5"),
    "a source of numbers": (notebook(cell(source=["1", 5])), "the source of cell 1 is a list"),
    "half a character": (notebook(cell(source="1\n'\ud800'")), "line 2 of cell 1 contains half a character"),
    "cell metadata that is text": (notebook(cell(metadata="x")), "the metadata of cell 1 is 'x'"),
    "metadata that is a list": (notebook(metadata=[]), "its metadata is a list"),
    "tags that are a number": (notebook(cell(metadata={"tags": 5})), "the tags of cell 1 are 5"),
    "tags that are an object": (notebook(cell(metadata={"tags": {}})), "the tags of cell 1 are an object"),
    "a tag that is a number": (notebook(cell(metadata={"tags": ["a", 5]})), "the tags of cell 1 are a list"),
    "a kernelspec that is a number": (notebook(metadata={"kernelspec": 5}), "its kernelspec is 5"),
    "a kernel that is a number": (notebook(metadata={"kernelspec": {"name": 3}}), "its kernelspec has 3 for name"),
    "a language that is a list": (notebook(metadata={"language_info": {"name": []}}), "has a list for name"),
    "metadata that is too deep": (notebook(metadata={"x": nest(900)}), "nested more than 100 levels deep"),
    "cell metadata that is too deep": (notebook(cell(metadata={"x": nest(900)})), "the metadata of cell 1 is nested"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_meant_is_told_in_one_line(data: Json, said: str) -> None:
    with pytest.raises(BrokenNotebookError) as caught:
        mend_notebook(data)
    told = str(caught.value)
    assert said in told
    assert "\n" not in told
    assert len(told) < 200


def test_a_text_is_taken_for_the_name_that_it_may_be() -> None:
    mended = mend(notebook(cell(metadata={"tags": "parameters"}), metadata={"kernelspec": "ir", "language_info": "R"}))
    assert mended["metadata"] == {"kernelspec": {"name": "ir", "display_name": "ir"}, "language_info": {"name": "R"}}
    assert mended["cells"][0]["metadata"]["tags"] == ["parameters"]


def test_a_kernelspec_without_a_name_still_tells_the_language() -> None:
    data = notebook(cell(), metadata={"kernelspec": {"language": "R", "display_name": 5}})
    assert mend_notebook(data)["metadata"] == {"kernelspec": {"language": "R"}}


@pytest.mark.parametrize(
    ("tags", "mended"),
    [(["a", "a"], ["a"]), (["a,b", " c "], ["a", "b", "c"]), (["", ","], []), ("a, b", ["a", "b"])],
)
def test_tags_are_as_nbformat_wants_them(tags: object, mended: list[str]) -> None:
    assert mend(notebook(cell(metadata={"tags": tags})))["cells"][0]["metadata"]["tags"] == mended


def test_every_cell_has_an_id_of_its_own() -> None:
    odd = [None, 5, "", "a b!", "x" * 65, "a\n", ["a"]]
    cells = [cell(id=id_) for id_ in ("good", "good", "cell-4", *odd)] + [{"cell_type": "code"}]
    ids = [one["id"] for one in mend(notebook(*cells))["cells"]]
    assert ids[:4] == ["good", "cell-2", "cell-4", "cell-4-2"]
    assert len(set(ids)) == len(cells)


def test_what_nbformat_does_not_know_is_left_out() -> None:
    odd = {"name": "", "jupyter": 5, "collapsed": 1, "scrolled": [], "format": 5, "execution": {"x": 1}, "mine": 5}
    markdown = cell(cell_type="markdown", attachments={"a": 5, "b": {"image/png": 5}, "c": {"image/png": "x"}})
    mended = mend(notebook(cell(metadata=odd, foo=1), markdown, metadata={"title": 5, "authors": 5, "mine": 5}, bar=2))
    assert mended["metadata"] == {"mine": 5}
    assert mended["cells"][0] == cell(metadata={"mine": 5})
    assert mended["cells"][1]["attachments"] == {"c": {"image/png": "x"}}


def test_older_formats_are_read() -> None:
    heading = {"cell_type": "heading", "level": 2, "source": ["Title"]}
    old = [{"cell_type": "code", "input": ["1\n", "2"], "language": "python", "outputs": []}, heading]
    mended = mend({"nbformat": 3, "worksheets": [{"cells": old}, {"cells": [{"cell_type": "html", "source": "<b>"}]}]})
    assert [(one["cell_type"], one["source"]) for one in mended["cells"]] == [
        ("code", "1\n2"),
        ("markdown", "## Title"),
        ("markdown", "<b>"),
    ]


@pytest.mark.parametrize(("version", "field"), [(1, "code"), (2, "input"), (3, "input"), (3, "source")])
def test_older_cells_without_a_worksheet_keep_their_code(version: int, field: str) -> None:
    mended = mend({"nbformat": version, "cells": [{"cell_type": "code", field: "1"}]})
    assert mended["cells"][0]["source"] == "1"


@pytest.mark.parametrize("level", [None, 0, 7, "2", [1]])
def test_a_heading_in_nbformat_4_is_text(level: object) -> None:
    mended = mend(notebook({"cell_type": "heading", "level": level, "source": None}))
    assert (mended["cells"][0]["cell_type"], mended["cells"][0]["source"]) == ("markdown", "# ")


def test_line_ends_stay_as_they_are() -> None:
    assert mend(notebook(cell(source=["%%writefile a\r\n", "b"])))["cells"][0]["source"] == "%%writefile a\r\nb"


@pytest.mark.parametrize(("levels", "is_deep"), [(0, False), (DEEPEST, False), (DEEPEST + 1, True), (100_000, True)])
def test_depth_is_counted_however_deep_it_is(levels: int, is_deep: bool) -> None:
    assert is_too_deep(nest(levels)) == is_deep
    assert is_too_deep({"wide": [1] * 1000, "deep": nest(levels)}) == (levels >= DEEPEST)


def test_what_is_as_deep_as_may_be_can_be_written() -> None:
    mended = mend(notebook(cell(metadata={"x": nest(DEEPEST - 1)})))
    assert json.loads(json.dumps(mended, indent=1)) == mended
