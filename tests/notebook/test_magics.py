"""IPython itself says what a cell is; split_magics must agree with it."""

import ast
import random
import warnings

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from colab_starter.notebook.magics import Command, split_magics
from tests.check.test_false_alarms import RIGHT_CELLS

PIECES = [
    "x = 1",
    "!ls",
    "    !ls",
    "if x:",
    "    %cd /tmp",
    "    y = 2",
    'text = """',
    '"""',
    "'''",
    "print(",
    ")",
    "%matplotlib inline",
    "files = !ls -l \\",
    "  *.py",
    "# a 'comment' (",
    "a = [1,",
    "% 2]",
    'b = "a # b" \\',
    "def f():",
    "    return x",
    "?len",
    "!!pwd",
    "c = %pwd",
    'd = "it\\"s"',
    "",
]


def _is_python(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(source)
        except SyntaxError:
            return False
    return True


def _runs_in_ipython(source: str) -> bool:
    try:
        return _is_python(TransformerManager().transform_cell(source))
    except SyntaxError:
        return False


def test_what_ipython_can_run_is_python_after_the_split() -> None:
    choose = random.Random(1)
    runnable = overlooked = 0
    for _ in range(2000):
        source = "\n".join(choose.choices(PIECES, k=choose.randint(1, 7)))
        can_run = _runs_in_ipython(source)
        is_python = _is_python(split_magics(source).python)
        assert is_python or not can_run, source
        runnable += can_run
        overlooked += is_python and not can_run
    assert runnable > 300
    assert overlooked < 100, "IPython also refuses some command lines for brackets that they leave open"


@pytest.mark.parametrize("name", RIGHT_CELLS)
def test_the_number_of_lines_stays(name: str) -> None:
    source = RIGHT_CELLS[name]
    assert split_magics(source).python.count("\n") == source.count("\n")


def test_commands_are_told_with_their_lines() -> None:
    source = "x = 1\nif x:\n    !pip install \\\n      einops\nfiles = !ls\n%%time\n"
    assert split_magics(source).commands[:2] == [
        Command("!", "pip install        einops", 3, True),
        Command("!", "ls", 5, False),
    ]


def test_the_lines_of_a_shell_cell_are_commands() -> None:
    commands = split_magics("# first\n%%bash -s x\n# second\nls\n  pwd\n").commands
    assert commands == [
        Command("%%", "bash -s x", 2, False),
        Command("!", "ls", 4, False),
        Command("!", "pwd", 5, True),
    ]
