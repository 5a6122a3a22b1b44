import json
from pathlib import Path

import jupytext
import nbformat
import pytest

from colab_starter.bake.errors import TemplateFaultError
from colab_starter.bake.percent import ACCELERATORS, KAGGLE_ACCELERATORS, mark_cells, to_ipynb
from tests.conftest import QUESTIONS

SCRIPT = """\
# %% [markdown] id="text"
# # A title
#
# - a list, with `code` and "quotes"

# %% tags=["parameters"] cellView="form"
# @title Parameters
epochs = 1  # @param {type:"integer"}

# %%

# %pip install einops
# !ls -l
if epochs:
    # %time x = {1: {2: 3}}
    # a comment stays one
    print("雪 \\u2028 🚀", x)


# %%
# %%bash
echo hello

# %%
print("a blank line above, and below")
"""


def convert(script: str, name: str = "cells/sample.py", accelerator: str = "none") -> str:
    return to_ipynb(mark_cells(script, name), accelerator)


def test_the_notebook_is_byte_for_byte_what_nbformat_writes(tmp_path: Path) -> None:
    text = convert(SCRIPT, accelerator="T4")
    nbformat.write(nbformat.reads(text, as_version=4), tmp_path / "written.ipynb")
    assert (tmp_path / "written.ipynb").read_bytes() == text.encode()


def test_the_notebook_is_valid() -> None:
    nbformat.validate(json.loads(convert(SCRIPT)))


def test_cells_are_those_that_jupytext_reads() -> None:
    ours = nbformat.reads(convert(SCRIPT), as_version=4).cells
    theirs = jupytext.reads(SCRIPT, fmt="py:percent").cells
    assert [(cell.cell_type, cell.source) for cell in ours] == [(cell.cell_type, cell.source) for cell in theirs]


def test_ids_come_from_the_file_name_and_the_position_or_the_id_option() -> None:
    cells = nbformat.reads(convert(SCRIPT), as_version=4).cells
    assert [cell.id for cell in cells] == ["sample-text", "sample-1", "sample-2", "sample-3", "sample-4"]


def test_magics_are_uncommented_and_comments_are_not() -> None:
    code = "".join(nbformat.reads(convert(SCRIPT), as_version=4).cells[2].source)
    assert code.startswith("\n%pip install einops\n!ls -l\n")
    assert "\n    %time x" in code
    assert "\n    # a comment stays one\n" in code


def test_there_are_no_outputs_and_no_execution_counts() -> None:
    code = [cell for cell in json.loads(convert(SCRIPT))["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("\nimport os\n# %%\n", "line 2: text before the first '# %%' marker: 'import os'"),
        ("# %%\n1\n# %% colour=3\n", "line 3: unknown option 'colour=3'"),
        ("# %% just a title\n", "line 1: unknown option 'just a title'"),
        ("# %% tags=[x]\n", "line 1: the value of tags is not JSON"),
        ('# %% tags="x"\n', "line 1: tags must be a list"),
        ('# %% id="a"\n# %% id="a"\n', "line 2: a second cell with the id 'sample-a'"),
        ('# %% id="1"\n# %%\n', "line 2: a second cell with the id 'sample-1'"),
        ('# %% id="a b"\n', "line 1: 'sample-a b' is not a cell id"),
        ('#:: extends "x"\nimport os\n', "line 2: text outside a block is lost: 'import os'"),
        ('#:: extends "x"\n#:: block lesson\nimport os\n', "line 3: text before the first"),
        ('#:: extends "x"\n#:: block a\n# %%\n#:: endblock\nx = 1\n', "line 5: text outside a block"),
        ('# %%\n#:: include "cells/x.py"\nx = 1\n', "line 3: text before the first"),
    ],
)
def test_a_fault_names_the_file_and_the_line(script: str, fault: str) -> None:
    with pytest.raises(TemplateFaultError) as error:
        mark_cells(script, "cells/sample.py")
    assert f"templates/cells/sample.py, {fault}" in str(error.value)


def test_text_before_the_first_cell_of_the_skeleton_is_a_fault() -> None:
    with pytest.raises(TemplateFaultError, match="text before the first cell: 'import os'"):
        to_ipynb("import os\n" + mark_cells("# %%\n", "cells/a.py"), "none")


def test_every_accelerator_of_the_questions_has_its_metadata() -> None:
    assert ["auto", *ACCELERATORS] == QUESTIONS["accelerator"]


@pytest.mark.parametrize(("accelerator", "kind", "model"), [("T4", "GPU", "T4"), ("TPU v5e", "TPU", "V5E1")])
def test_the_accelerator_is_written_the_way_colab_reads_it(accelerator: str, kind: str, model: str) -> None:
    metadata = json.loads(convert(SCRIPT, accelerator=accelerator))["metadata"]
    assert (metadata["accelerator"], metadata["colab"]["gpuType"]) == (kind, model)


def test_without_an_accelerator_the_metadata_names_none() -> None:
    metadata = json.loads(convert(SCRIPT))["metadata"]
    assert "accelerator" not in metadata
    assert metadata["colab"] == {"provenance": [], "toc_visible": True}


def test_an_unknown_accelerator_is_a_fault() -> None:
    with pytest.raises(TemplateFaultError, match="accelerator 'K80' is not one of T4"):
        convert(SCRIPT, accelerator="K80")


@pytest.mark.parametrize(
    ("accelerator", "word", "gpu"),
    [
        ("T4", "nvidiaTeslaT4", True),
        ("L4", "nvidiaTeslaT4", True),
        ("A100", "nvidiaTeslaT4", True),
        ("TPU v5e", "tpuV5e8", False),
        ("none", "none", False),
    ],
)
def test_the_settings_for_kaggle_are_written_the_way_its_editor_does(accelerator: str, word: str, gpu: bool) -> None:
    settings = json.loads(convert(SCRIPT, accelerator=accelerator))["metadata"]["kaggle"]
    usual = {"isInternetEnabled": True, "language": "python", "sourceType": "notebook"}
    assert settings == {"accelerator": word, "isGpuEnabled": gpu, **usual}


def test_kaggle_has_an_answer_for_every_accelerator() -> None:
    assert set(KAGGLE_ACCELERATORS) == set(ACCELERATORS)
