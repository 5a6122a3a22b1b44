"""Adopting as a whole: the cells that are added, a second time, and the notebooks that are refused."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colab_starter.adopt.adopt import Options, adopt
from colab_starter.errors import CannotAdoptError, UsageError
from tests.adopt.conftest import Adopt, Adopted
from tests.check.conftest import code, notebook_of, text

FIRST = ["parameters-0", "machine-0", "storage-0", "install-0"]
LAST = ["record-text", "record-numbers", "record-keep"]


def names_of(adopted: Adopted) -> list[str]:
    """The ids of the cells, those of ours without their prefix."""
    return [cell.id.removeprefix("adopted-") for cell in adopted.notebook.cells]


def test_the_first_cells_come_before_the_users_and_the_results_after(adopt_cells: Adopt) -> None:
    assert names_of(adopt_cells(["x = 1", text("bye")])) == [*FIRST, "cell-1", "cell-2", *LAST]


@pytest.mark.parametrize(
    ("introduction", "rest"),
    [
        ([text("# Title")], ["x = 1"]),
        ([text("badge"), text("# Title"), text("An introduction")], ["x = 1"]),
        ([code("#@title License\n# Apache", cellView="form"), text("# Title")], ["x = 1"]),
    ],
)
def test_the_title_stays_above_them(introduction: list[Any], rest: list[Any], adopt_cells: Adopt) -> None:
    names = names_of(adopt_cells([*introduction, *rest]))
    assert names[: len(introduction) + 1] == [*(f"cell-{n + 1}" for n in range(len(introduction))), "parameters-0"]


def test_a_section_stays_together_and_the_first_cells_get_a_heading_where_one_follows(adopt_cells: Adopt) -> None:
    names = names_of(adopt_cells([text("# Title"), text("## 1. Data"), "x = 1"]))
    assert names[:4] == ["cell-1", "parameters-0", "setup-0", "machine-0"]
    assert "setup-0" not in names_of(adopt_cells([text("# Title"), "x = 1"]))


def test_an_empty_notebook_and_one_of_text_only_can_be_adopted(adopt_cells: Adopt) -> None:
    assert names_of(adopt_cells([])) == [*FIRST, *LAST]
    assert names_of(adopt_cells([text("# Only text")])) == ["cell-1", *FIRST, *LAST]


@pytest.mark.parametrize(
    ("cells", "metadata", "why"),
    [
        (["x <- 1"], {"kernelspec": {"name": "ir", "display_name": "R"}}, "not a Python notebook (kernel R)"),
        (["x = 1", "print 'a'"], {}, "cell 2, line 1 (print 'a')"),
        (["def f(:\n    pass"], {}, "not valid Python: cell 1, line 1"),
        (["x = 1", "y = 2\n%reset -f"], {}, "deletes its variables in cell 2, line 2"),
        (["x = 1"], {"colab_starter": {"status": "ok"}}, "the record of a run"),
        ([{**code("x = 1"), "id": "machine-0"}], {}, "was made by colab-starter"),
        (["x <- 1"], {"kernelspec": {}, "language_info": {"name": "R"}}, "not a Python notebook (kernel R)"),
        ([code("lr = 1", tags=["injected-parameters"])], {}, "cell 1 sets the parameters of that run"),
    ],
)
def test_what_cannot_be_adopted_is_refused_in_one_line(
    cells: list[Any], metadata: dict[str, Any], why: str, adopt_cells: Adopt
) -> None:
    with pytest.raises(CannotAdoptError) as caught:
        adopt_cells(cells, metadata)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("{", "is not valid JSON"),
        ("[]", "holds JSON, but not that of a notebook"),
        ('{"cells": [5], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "cell 1 is 5"),
        ('{"worksheets": [{"cells": []}], "metadata": {}, "nbformat": 2}', "of nbformat 2"),
        ('{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}', "of nbformat 5"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    path.write_text(content)
    with pytest.raises(CannotAdoptError, match=rf"broken\.ipynb .*{why}"):
        adopt(path, Options())
    with pytest.raises(CannotAdoptError, match="does not exist"):
        adopt(tmp_path / "nothing.ipynb", Options())
    with pytest.raises(CannotAdoptError, match="is a folder"):
        adopt(tmp_path, Options())
    (tmp_path / "cells.py").write_text("# %%\nlr = 0.1\n")
    with pytest.raises(CannotAdoptError, match=r"cells\.py is a script, .*jupytext"):
        adopt(tmp_path / "cells.py", Options())


CELLS: list[Any] = ["!pip install einops", "lr = 0.1\nepochs = 2", "score = lr * epochs\nprint(score)"]


def change(path: Path, name: str, old: str, new: str) -> None:
    """Edit one of the cells that adopt has added."""
    data = json.loads(path.read_text())
    cell = next(cell for cell in data["cells"] if cell["id"] == f"adopted-{name}")
    source = "".join(cell["source"])
    assert old in source
    cell["source"] = source.replace(old, new).splitlines(keepends=True)
    path.write_text(json.dumps(data, indent=1))


def test_the_second_time_keeps_what_the_user_wrote_into_the_form(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, "parameters-0", "lr = 0.1", "lr = 0.7")
    change(path, "parameters-0", "use_drive = False", "use_drive = True")
    change(path, "parameters-0", 'drive_folder = "mine"', 'drive_folder = "course"')
    change(path, "parameters-0", "epochs = 2", "# @markdown ---\nepochs = 3")
    written = path.read_text()
    again = adopt_cells(path)
    assert not again.adoption.changed
    assert again.adoption.new == written
    assert 'drive_folder = "course"  # @param {type:"string"}' in again.form


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("use_drive = False", "use_drive: bool = False"),
        ('use_drive = False  # @param {type:"boolean"}', 'use_drive = True # @param {"type":"boolean"}'),
        ("epochs = 2", "# how often\nepochs = [\n    1,\n    2,\n]"),
        ("use_drive = False", "use_drive = True; print('mine')"),
        ("require_gpu = False", "use_gpu, require_gpu = True, False"),
        ("# @title Parameters", "#@title Mine { run: 'auto' }"),
        ("# @title Parameters", "%%time\n# @title Parameters"),
        ("require_gpu = False", "!ls\nrequire_gpu = False"),
        ("drive_folder = ", "drive_folder = 'a' + "),
        ("output_dir = ", "# what I want\noutput_dir = "),
    ],
)
def test_the_form_belongs_to_the_user_whatever_is_written_into_it(old: str, new: str, adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, "parameters-0", old, new)
    edited = "".join(json.loads(path.read_text())["cells"][0]["source"])
    assert not adopt_cells(path).adoption.changed
    data = json.loads(path.read_text())
    data["cells"][0]["metadata"]["cellView"] = "form"
    data["cells"].insert(-3, {**code("momentum = 0.9\nprint(momentum)"), "id": "new"})
    path.write_text(json.dumps(data, indent=1))
    again = adopt_cells(path)
    assert again.ours["parameters-0"].metadata == data["cells"][0]["metadata"]
    added = 'momentum = 0.9  # @param {type:"number"}'
    assert [line for line in again.form if line != added] == edited.split("\n")
    assert again.form[again.form.index(added) + 1] == ""
    assert not adopt_cells(again.save()).adoption.changed


def test_a_field_that_the_first_cells_need_comes_back_and_an_option_sets_one(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, "parameters-0", 'output_dir = "outputs/mine"  # @param {type:"string"}', "")
    again = adopt_cells(path, use_drive=True)
    assert again.form[4:] == [
        'use_drive = True  # @param {type:"boolean"}',
        'drive_folder = "mine"  # @param {type:"string"}',
        'require_gpu = False  # @param {type:"boolean"}',
        'output_dir = "outputs/mine"  # @param {type:"string"}',
    ]


@pytest.mark.parametrize("name", ["parameters-0", "install-0", "record-numbers"])
def test_what_was_broken_in_the_new_cells_is_named_and_not_lost(name: str, adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, name, " = ", " = = ")
    with pytest.raises(CannotAdoptError, match=r"not valid Python: cell \d+, line \d+ \("):
        adopt_cells(path)


def test_a_line_that_sets_what_the_form_has_stays_and_is_named(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    data = json.loads(path.read_text())
    data["cells"].insert(-3, {**code("lr = 0.5\nprint(lr)"), "id": "new"})
    path.write_text(json.dumps(data, indent=1))
    again = adopt_cells(path)
    assert not again.adoption.changed
    assert "the form sets lr, and cell 8, line 1 sets it again" in again.adoption.doubtful["lr"]
    with pytest.raises(UsageError, match="delete that line"):
        adopt_cells(path, parameters="lr")


def test_the_same_parameters_can_be_asked_for_again(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS, parameters="lr").save()
    assert not adopt_cells(path, parameters="lr").adoption.changed
    assert adopt_cells(path, parameters="lr,epochs").adoption.form == ["epochs"]


def test_the_second_time_keeps_the_numbers_to_record(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    change(path, "record-numbers", "results = {}", 'numbers = {"lr": lr}')
    again = adopt_cells(path)
    assert 'numbers = {"lr": lr}' in again.ours["record-numbers"].source
    assert again.ours["record-keep"].source.endswith("keep_results(numbers)")
    assert names_of(again) == names_of(adopt_cells(again.save()))


def test_a_newer_version_renews_its_cells_and_nothing_else(adopt_cells: Adopt) -> None:
    first = adopt_cells(CELLS)
    path = first.save()
    change(path, "machine-0", "What machine is this?", "The machine, as an older version had it")
    change(path, "storage-0", "Where do the results go?", "Storage, as an older version had it")
    again = adopt_cells(path)
    assert again.adoption.new == first.adoption.new
    assert not again.adoption.moved


def test_cells_of_ours_that_are_gone_come_back_where_the_others_are(adopt_cells: Adopt) -> None:
    first = adopt_cells(CELLS)
    data = json.loads(first.adoption.new)
    data["cells"] = [cell for cell in data["cells"] if cell["id"] not in ("adopted-storage-0", "adopted-record-keep")]
    first.adoption.path.write_text(json.dumps(data, indent=1))
    assert adopt_cells(first.adoption.path).adoption.new == first.adoption.new.rstrip("\n")


def test_new_constants_and_installs_join_those_of_the_first_time(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    data = json.loads(path.read_text())
    new = ["momentum = 0.9\nprint(momentum)", "!pip install timm"]
    data["cells"][-3:-3] = notebook_of([{**code(cell), "id": f"new-{n}"} for n, cell in enumerate(new)])["cells"]
    path.write_text(json.dumps(data, indent=1))
    again = adopt_cells(path)
    assert [line.partition(" ")[0] for line in again.form[1:4]] == ["lr", "epochs", "momentum"]
    assert 'extra = ["einops", "timm"]' in again.ours["install-0"].source
    assert not adopt_cells(again.save()).adoption.changed


def test_outputs_of_our_cells_stay_while_they_are_the_same(adopt_cells: Adopt) -> None:
    path = adopt_cells(CELLS).save()
    data = json.loads(path.read_text())
    for number, cell in enumerate(cell for cell in data["cells"] if cell["cell_type"] == "code"):
        cell["execution_count"] = number + 1
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["hello\n"]}]
    path.write_text(json.dumps(data, indent=1))
    assert not adopt_cells(path).adoption.changed


@pytest.mark.parametrize(
    ("cells", "accelerator"),
    [
        (["import numpy"], None),
        (["import torch\ndevice = 'cuda' if torch.cuda.is_available() else 'cpu'"], "GPU"),
        (["import torch\nx = torch.zeros(3)"], None),
        (["import tensorflow as tf\nmodel = tf.keras.Sequential()\nmodel.fit(1)"], "GPU"),
        (["from transformers import pipeline\nimport torch\npipe = pipeline('x', device=0)"], "GPU"),
        (["import tensorflow as tf\nstrategy = tf.distribute.TPUStrategy()"], "TPU"),
    ],
)
def test_the_machine_comes_from_the_code(cells: list[str], accelerator: str | None, adopt_cells: Adopt) -> None:
    assert adopt_cells(cells).notebook.metadata.get("accelerator") == accelerator


def test_a_machine_that_is_named_already_stays_unless_another_is_asked_for(adopt_cells: Adopt) -> None:
    named = {"accelerator": "GPU", "colab": {"gpuType": "A100"}}
    kept = adopt_cells(["import numpy"], named)
    assert kept.notebook.metadata["colab"]["gpuType"] == "A100"
    assert "A100 GPU" in kept.ours["machine-0"].source
    assert adopt_cells(["1"], named, accelerator="L4").notebook.metadata["colab"]["gpuType"] == "L4"
    assert "accelerator" not in adopt_cells(["1"], named, accelerator="none").notebook.metadata


@pytest.mark.parametrize(
    ("cells", "framework"),
    [
        (["import torch"], "tryout-torch"),
        (["import tensorflow as tf"], "tryout-tensorflow"),
        (["import keras"], "tryout-keras"),
        (["import numpy"], None),
        (["try:\n    import torch\nexcept ImportError:\n    pass"], None),
        (["import tensorflow as tf\ntf.config.experimental.set_memory_growth(1, True)"], None),
        (["import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras"], None),
        (["import tensorflow.compat.v1 as tf\ntf.disable_v2_behavior()"], None),
        (["!pip install -r requirements.txt", "import torch"], None),
        (["!pip install einops", "import torch"], "tryout-torch"),
    ],
)
def test_the_framework_is_tried_out_where_nothing_must_come_before_it(
    cells: list[str], framework: str | None, adopt_cells: Adopt
) -> None:
    found = [name for name in names_of(adopt_cells(cells)) if name.startswith("tryout")]
    assert found == ([framework] if framework else [])


def test_the_tryout_of_pytorch_draws_no_random_numbers_of_the_notebooks(
    adopt_cells: Adopt, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    cell = adopt_cells(["import torch"]).ours["tryout-torch"]
    torch.manual_seed(1)
    expected = torch.rand(1).item()
    torch.manual_seed(1)
    exec(cell.source, {"require_gpu": False})
    assert torch.rand(1).item() == expected
    assert f"PyTorch {torch.__version__} computes correctly on: " in capsys.readouterr().out


def test_names_like_metrics_are_recorded_from_the_start(adopt_cells: Adopt) -> None:
    source = (
        "test_loss, accuracy = f()\nr2 = 0.5 + 0.1\nif accuracy:\n    rmse = 1\nmae = 'text'\nloss_fn = g()\ndel r2"
    )
    adopted = adopt_cells(["f = lambda: (1, 2)\ng = f", source])
    assert adopted.ours["record-numbers"].source.split("\n")[1:] == [
        "results = {}",
        'results["test_loss"] = test_loss',
        'results["accuracy"] = accuracy',
    ]


def test_a_notebook_with_results_of_its_own_keeps_them(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["results = []", "results.append(1)"])
    assert "recorded = {}" in adopted.ours["record-numbers"].source
    assert "results =" not in adopted.ours["record-numbers"].source


class Frame:
    """Like a table: it has many numbers, and is none."""

    def item(self) -> float:
        raise ValueError("can only convert an array of size 1")


def test_numbers_of_numpy_are_kept_and_what_is_no_number_is_told(
    adopt_cells: Adopt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep = adopt_cells(["x = 1"]).ours["record-keep"].source
    numbers = {"a": np.float32(0.5), "b": np.int64(3), "c": "x", "d": [1, 2], "e": math.nan, "f": Frame(), "g": None}
    exec(keep, {"results": numbers, "results_dir": str(tmp_path / "new/folder")})
    kept = json.loads((tmp_path / "new/folder/results.json").read_text())
    assert kept == {"a": 0.5, "b": 3, "c": "x", "d": [1, 2], "g": None}
    printed = capsys.readouterr().out
    assert "e                        is not kept" in printed
    assert "Frame" in printed


def test_missing_kernel_and_language_are_written_for_papermill(tmp_path: Path) -> None:
    path = tmp_path / "bare.ipynb"
    path.write_text(json.dumps(notebook_of(["lr = 1\nprint(lr)"])))
    metadata = json.loads(adopt(path, Options()).new)["metadata"]
    assert metadata == {
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }
