import importlib
import json
import subprocess
import sys
from pathlib import Path

import cookiecutter
import jupytext
import nbformat
import pytest
from jinja2 import DictLoader, Environment
from jinja2.exceptions import UndefinedError

from colab_starter import notebook_extension
from colab_starter.errors import TemplateFaultError
from colab_starter.notebook_extension import ACCELERATORS, mark_cells, markdown_text, to_ipynb
from tests.conftest import QUESTIONS, REPOSITORY

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


def environment(**templates: str) -> Environment:
    files = {name.replace("__", "/") + ".py": text for name, text in templates.items()}
    return Environment(
        loader=DictLoader(files),
        extensions=[notebook_extension.NotebookExtension],
        **QUESTIONS["_jinja2_env_vars"],
    )


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
        ('# %% id="a b"\n', "line 1: 'sample-a b' is no cell id"),
        ('#:: extends "x"\nimport os\n', "line 2: text outside a block is lost: 'import os'"),
        ('#:: extends "x"\n#:: block lesson\nimport os\n', "line 3: text before the first"),
        ('#:: extends "x"\n#:: block a\n# %%\n#:: endblock\nx = 1\n', "line 5: text outside a block"),
    ],
)
def test_a_fault_names_the_file_and_the_line(script: str, fault: str) -> None:
    with pytest.raises(TemplateFaultError) as error:
        mark_cells(script, "cells/sample.py")
    assert f"templates/cells/sample.py, {fault}" in str(error.value)


def test_one_file_included_twice_is_a_duplicate_id() -> None:
    template = environment(cells__a="# %%\n1\n", main='{% filter to_ipynb("none") %}\n#:: include "cells/a.py"\n' * 1)
    twice = '#:: filter to_ipynb("none")\n#:: include "cells/a.py"\n#:: include "cells/a.py"\n#:: endfilter\n'
    assert template.loader is not None
    with pytest.raises(TemplateFaultError, match=r"templates/cells/a.py, line 1: the id 'a-0' is taken"):
        template.from_string(twice).render()


def test_an_undefined_name_names_the_template_and_the_line() -> None:
    template = environment(cells__a="# %%\nx = 1\ny = '{{ nothing }}'\n")
    with pytest.raises(UndefinedError, match=r"'nothing' is undefined \(templates/cells/a.py, line 3\)"):
        template.get_template("cells/a.py").render()


def test_text_before_the_first_cell_of_the_skeleton_is_a_fault() -> None:
    with pytest.raises(TemplateFaultError, match="text before the first cell: 'import os'"):
        to_ipynb("import os\n" + mark_cells("# %%\n", "cells/a.py"), "none")


def test_a_value_that_looks_like_a_marker_makes_no_cell() -> None:
    template = environment(cells__a='# %%\nname = """{{ name }}"""\n')
    script = template.get_template("cells/a.py").render(name="\n# %% [markdown]\n# injected")
    assert len(json.loads(to_ipynb(script, "none"))["cells"]) == 1


def test_windows_line_ends_in_a_template_come_out_as_plain_newlines() -> None:
    template = environment(cells__a="# %%\r\nx = 1\r\n")
    assert json.loads(to_ipynb(template.get_template("cells/a.py").render(), "none"))["cells"][0]["source"] == ["x = 1"]


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
    with pytest.raises(TemplateFaultError, match="accelerator 'K80' is none of T4"):
        convert(SCRIPT, accelerator="K80")


def test_markdown_text_stands_on_one_line_and_shows_every_character() -> None:
    assert markdown_text("a\nb  *c* <d> `e` [f] \\") == r"a b \*c\* \<d\> \`e\` \[f\] \\"


def test_an_old_cookiecutter_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookiecutter, "__version__", "2.6.0")
    with pytest.raises(ImportError, match=r"needs cookiecutter >= 2\.7, this is 2\.6\.0"):
        importlib.reload(notebook_extension)


def test_the_extension_imports_nothing_beyond_what_cookiecutter_brings() -> None:
    code = (
        "import cookiecutter.exceptions, jinja2, jinja2.ext, json, re, sys; before = set(sys.modules)\n"
        "import colab_starter.notebook_extension\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['colab_starter']"
