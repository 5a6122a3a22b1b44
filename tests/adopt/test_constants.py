"""Which constants become fields of the form, and what is left in their place."""

import pytest

from colab_starter.errors import UsageError
from tests.adopt.conftest import Adopt
from tests.check.conftest import code

USE = "print(lr, epochs)"


def test_constants_become_fields_with_their_types_and_comments(adopt_cells: Adopt) -> None:
    source = 'lr = 1e-3  # step size\nepochs = 5\nname = "a"\nfast = True\nlayers = [\n  32,\n  64,\n]\nn: int = 1'
    adopted = adopt_cells([source, "print(lr, epochs, name, fast, layers, n)"])
    assert adopted.form[:8] == [
        "# @title Parameters",
        "# @markdown step size",
        'lr = 1e-3  # @param {type:"number"}',
        'epochs = 5  # @param {type:"integer"}',
        'name = "a"  # @param {type:"string"}',
        'fast = True  # @param {type:"boolean"}',
        'layers = [32, 64]  # @param {type:"raw"}',
        'n: int = 1  # @param {type:"integer"}',
    ]
    assert adopted.theirs[0].split("\n")[:2] == [
        "# moved to the form at the top: lr = 1e-3  # step size",
        "# moved to the form at the top: epochs = 5",
    ]
    assert adopted.notebook.parameters_cells == [adopted.ours["parameters-0"]]


def test_a_semicolon_is_no_comment(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["lr = 0.1;\nepochs = 2; # how often", USE])
    assert adopted.form[1:4] == [
        'lr = 0.1  # @param {type:"number"}',
        "# @markdown how often",
        'epochs = 2  # @param {type:"integer"}',
    ]


def test_a_form_of_the_users_keeps_its_fields(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(
        ['lr = 0.1 #@param {type:"slider", min:0, max:1}\nkind = "a" #@param ["a", "b"]', "print(lr, kind)"]
    )
    assert 'lr = 0.1  #@param {type:"slider", min:0, max:1}' in adopted.form
    assert 'kind = "a"  #@param ["a", "b"]' in adopted.form


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["lr = 1", "lr = 2", USE], "more than once"),
        (["lr = 1", "for lr in (1, 2):\n    pass", USE], "more than once"),
        (["lr = 1", "def change():\n    global lr\n    lr = 2", USE], "more than once"),
        (["lr = 1", "lr += 1", USE], "more than once"),
        (["lr = 1; epochs = 2", USE], "shares its line"),
        (["import os\nlr = len(os.sep)", USE], "is computed"),
        (["max = 3", "print(max)"], "a function of Python"),
        (["gpus = 3", "print(gpus)"], "a name that the first cells use"),
        (["results_dir = 'a'", "print(results_dir)"], "a name that the first cells use"),
        (["require_gpu = 3", "print(require_gpu)"], "in the form already, as a bool"),
        (["lr = b'x'", USE], "no form can show"),
        (["lr = 'a\\nb'", USE], "no form can show"),
        (["# colab-starter: ignore\nlr = 1", USE], "colab-starter: ignore"),
        (["if True:\n    lr = 1", USE], "no constant of that name"),
    ],
)
def test_what_cannot_be_in_the_form_is_refused_with_the_reason(cells: list[str], why: str, adopt_cells: Adopt) -> None:
    name = cells[0].removeprefix("# colab-starter: ignore\n").removeprefix("if True:\n    ")
    name = name.removeprefix("import os\n").partition(" ")[0]
    adopted = adopt_cells(cells)
    assert adopted.theirs == cells
    with pytest.raises(UsageError, match=why):
        adopt_cells(cells, parameters=name)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["from math import *", "lr = 1", USE], "lr"),
        (["%run settings.py\nlr = 1", USE], "lr"),
        (["losses = []", "losses.append(1)"], "losses"),
        (["sizes = [1, 2]", "sizes[0] = 3"], "sizes"),
        (["lr = 1"], "lr"),
        (["_lr = 1", "print(_lr)"], "_lr"),
        (["options = {'a': 1}", "print(options)"], "options"),
        (["limit = None", "print(limit)"], "limit"),
    ],
)
def test_what_is_doubtful_goes_into_the_form_only_if_it_is_named(
    cells: list[str], name: str, adopt_cells: Adopt
) -> None:
    assert not adopt_cells(cells).adoption.form
    named = adopt_cells(cells, parameters=name)
    assert named.adoption.form == [name]
    assert any(line.startswith(f"{name} = ") for line in named.form)


def test_only_the_named_ones_or_none_are_taken(adopt_cells: Adopt) -> None:
    cells = ["lr = 1\nepochs = 2", USE]
    assert adopt_cells(cells, parameters="epochs").adoption.form == ["epochs"]
    assert adopt_cells(cells, parameters="none").theirs == cells
    with pytest.raises(
        UsageError, match=r"epoch: no constant of that name; did you mean epochs\? \(there are: lr, epochs\)"
    ):
        adopt_cells(cells, parameters="epoch")


def test_uses_in_functions_f_strings_and_commands_count(adopt_cells: Adopt) -> None:
    cells = ["a = 1\nb = 2\nc = 'x'\nd = 'y'", "def f():\n    return a\nf'{b}'\n!echo {c} $d"]
    assert adopt_cells(cells).adoption.form == ["a", "b", "c", "d"]


def test_a_tagged_cell_gives_all_its_values_to_the_form_and_loses_the_tag(adopt_cells: Adopt) -> None:
    tagged = code("lr = 1\nunused = 2\ntwice = lr * 2", tags=["keep", "parameters"])
    adopted = adopt_cells([tagged, "lr = 5\nprint(lr, twice)"], parameters="none")
    assert adopted.adoption.form == ["lr", "unused"]
    assert [cell.id for cell in adopted.notebook.parameters_cells] == ["adopted-parameters-0"]
    assert adopted.notebook.cells[1].id == "cell-1" or adopted.theirs[0].endswith("twice = lr * 2")
    assert [cell.tags for cell in adopted.notebook.cells if cell.id == "cell-1"] == [["keep"]]


def test_output_dir_of_the_users_takes_the_place_of_ours(adopt_cells: Adopt) -> None:
    adopted = adopt_cells(["output_dir = './out'\nseed = 1", "print(output_dir, seed)"])
    assert [line for line in adopted.form if "output_dir" in line] == [
        "output_dir = './out'  # @param {type:\"string\"}"
    ]
    assert 'seed = 1  # @param {type:"integer"}' in adopted.form
