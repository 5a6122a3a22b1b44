"""CS313: names that have no value yet when Run all reaches them."""

import builtins
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from colab_starter.check.rule import ERROR, Problem, rule
from colab_starter.notebook.magics import Command
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.names import BIND, UNBIND, USE, Event, read_events
from colab_starter.runtimes import Runtime

_MOST = 3
"""So many cells are told one by one: a notebook stops at the first."""
_UNKNOWABLE = re.compile(
    r"\b(?:exec|execfile|globals|locals|vars|init_session|load_session|load_workspace|run_cell|run_line_magic"
    r"|run_cell_magic|safe_execfile|runcode|user_ns|user_global_ns)\b"
    r"|\b(?:builtins|__builtins__)\b|\b__main__\b(?![\"'])|\.(?:magic|push|ex)\("
)
"""Code that may give values to names without saying so."""
_WORDS_OF_UNKNOWABLE = (
    *("exec", "globals", "locals", "vars", "_session", "load_workspace", "run_", "runcode", "user_"),
    *("builtins", "__main__", ".magic(", ".push(", ".ex("),
)
"""One of these is in whatever that expression fits; they are found in a fifth of the time."""
_VARIABLES_OF_SYMPY = re.compile(r"\bvar\(\s*f?[\"']([^\"']*)")
_MAGICS = frozenset(
    """
    alias autocall automagic autoreload autosave bash bookmark capture cat cd clear colors conda config cp cuda debug
    dhist dirs edit env file heat history html javascript js kaggle latex ldir less lf lk ll load_ext logoff logon
    lprun ls lsmagic lx magic mamba man markdown matplotlib memit micromamba mkdir more mprun mv notebook page pastebin
    pdb pdef pdoc perl pfile pinfo pinfo2 pip popd pprint precision prun psearch psource pushd pwd pycat pylint
    python2 pypy quickref reload_ext rm rmdir ruby save script set_env sh shell snakeviz sql svg sx system tensorboard
    tensorflow_version time timeit unalias unload_ext uv wandb watermark who who_ls whos writefile xmode ! bigquery
    pyinstrument scalene flake8 pycodestyle_on pycodestyle
""".split()
)
"""Magics that give values to no names but those that their line mentions."""
_EXTENSIONS = frozenset(
    """
    IPython autoreload autotime bigquery_magics black cudf cuml dask_sql dotenv google heat_magic ipytest itables
    jupyter_black lab_black line_profiler memory_profiler nb_black nb_js_diagrammers nb_mypy nvcc4jupyter nvcc_plugin
    pandas_profiling pycodestyle_magic rpy2 snakeviz sql tensorboard tikzmagic version_information watermark wurlitzer
""".split()
)
"""Packages whose extensions bring magics, and no names."""
_TYPE_PARAMETERS = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class|type)[ \t]+\w+[ \t]*\[([^\]\n]*)\]", re.MULTILINE)
_WORD = re.compile(r"[^\W\d]\w*")
_NEVER = 1 << 60
"""Behind the last line of any cell."""
_SPECIAL_NAMES = frozenset(dir(builtins)) | frozenset(
    """
    display get_ipython In Out _ __ ___ _i _ii _iii _ih _oh _dh _exit_code exit quit __name__ __doc__ __package__
    __loader__ __spec__ __builtin__ __builtins__ __annotations__ __session__ __debug__ WindowsError
""".split()
)
"""What every kernel knows: Python's built-in names and IPython's."""
_AUTOMAGICS = frozenset(
    """
    alias bookmark cat cd clear conda cp debug dirs env hist history ldir less lf lk ll ls lsmagic lx magic man mkdir
    more mv pip prun pwd quickref rm rmdir timeit who who_ls whos
""".split()
)
"""Magics that need no sign where they are the only line of their cell."""
_PYTHON_2 = {
    "xrange": "range",
    "raw_input": "input",
    "unicode": "str",
    "unichr": "chr",
    "basestring": "str",
    "long": "int",
    "reduce": "functools.reduce",
    "reload": "importlib.reload",
    "cmp": "(a > b) - (a < b)",
}
"""Built-in names that Python 3 dropped -> what to write."""
_USUAL_IMPORTS = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "plt": "import matplotlib.pyplot as plt",
    "sns": "import seaborn as sns",
    "tf": "import tensorflow as tf",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "cv2": "import cv2",
    "Image": "from PIL import Image",
    "tqdm": "from tqdm.auto import tqdm",
    "partial": "from functools import partial",
    "defaultdict": "from collections import defaultdict",
    "Counter": "from collections import Counter",
    "Path": "from pathlib import Path",
    **{
        name: f"import {name}"
        for name in "collections datetime functools glob itertools json keras math os pickle random re requests shutil "
        "string subprocess sys time torch warnings".split()
    },
}
"""The line that is missing where such a name is not defined."""


class _Use(NamedTuple):
    """A name that has no value where it is used."""

    cell: Cell
    line: int
    name: str


@rule(
    "CS313",
    "undefined-name",
    ERROR,
    evidence="In 482 of 5,426 public notebooks a name is used that has no value; three of four stop there.",
)
def find_undefined_names(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """Every name has a value when its cell is run, from top to bottom.

    Where cells were run in another order, deleted or moved, the notebook still works for its author, whose kernel
    remembers the value; for everybody else Run all stops with a NameError. Only code outside functions and conditions
    is judged, and nothing below a line that may define names unseen: a star import, %run, exec, globals().
    """
    if not notebook.is_python:
        return
    undefined = list(_find_uses(notebook, runtime))
    for number, use in enumerate(undefined[:_MOST], 1):
        more = len(undefined) - _MOST if number == _MOST else 0
        rest = f"; {more} more cells below stop like that" if more > 1 else "; one more cell below stops like that"
        yield Problem(_describe(use, notebook) + (rest if more else ""), use.cell, use.line)


def _find_uses(notebook: Notebook, runtime: Runtime) -> Iterator[_Use]:
    """The first use in each cell of a name that has no value there."""
    lazy_hints = tuple(int(part) for part in runtime.python.split(".")[:2]) >= (3, 14)
    bound: set[str] = set(_SPECIAL_NAMES)
    for cell in notebook.cells:
        if not cell.is_python or not cell.source.strip():
            continue
        if isinstance(cell.tree, SyntaxError):
            bound.update(_WORD.findall(cell.source))
            continue
        last = _line_of_no_return(cell)
        bound.update(_names_of_commands(cell))
        is_one_line = "\n" not in cell.source.strip()
        uses = [use for use in _follow(_read(cell, lazy_hints), bound) if not (is_one_line and use.name in _AUTOMAGICS)]
        use = next((use for use in uses if use.line < last), None)
        if use and not _is_deliberate(cell):
            yield _Use(cell, use.line, use.name)
        if last < _NEVER:
            return


def _follow(events: Iterable[Event], bound: set[str]) -> list[Event]:
    """The uses of names without a value; ``bound`` is brought up to date."""
    undefined = []
    for event in events:
        if event.kind == UNBIND and event.name not in _SPECIAL_NAMES:
            bound.discard(event.name)
            continue
        if event.kind == USE and event.name not in bound:
            undefined.append(event)
        bound.add(event.name)
    return undefined


def _names_of_commands(cell: Cell) -> Iterator[str]:
    for command in cell.commands:
        yield from _words_of(command)
    for names in _TYPE_PARAMETERS.findall(cell.source):
        yield from _WORD.findall(names)  # our own Python may be too old to read them
    if "var(" in cell.source:
        for names in _VARIABLES_OF_SYMPY.findall(cell.source):
            yield from _WORD.findall(names)


def _read(cell: Cell, lazy_hints: bool) -> Iterable[Event]:
    assert not isinstance(cell.tree, SyntaxError)
    try:
        return read_events(cell.tree, lazy_hints)
    except RecursionError:  # an expression of many hundred parts
        return [Event(BIND, name, 1) for name in _WORD.findall(cell.source)]


def _line_of_no_return(cell: Cell) -> int:
    """The first line of the cell that may define names unseen; what follows it cannot be judged."""
    found = [command.line for command in cell.commands if _is_opaque(command)]
    found += [one.line for one in cell.facts.imports if one.name == "*"]
    if "kernel.execute" in cell.source:  # in JavaScript
        found.append(1)
    python = cell.code.python
    if any(word in python for word in _WORDS_OF_UNKNOWABLE) and (match := _UNKNOWABLE.search(python)):
        found.append(cell.source.count("\n", 0, match.start()) + 1)
    return min(found, default=_NEVER)


def _is_opaque(command: Command) -> bool:
    if command.kind not in ("%", "%%"):
        return False
    name, _, rest = command.text.partition(" ")
    if name in ("load_ext", "reload_ext"):
        return rest.strip().partition(".")[0] not in _EXTENSIONS
    return name not in _MAGICS


def _words_of(command: Command) -> list[str]:
    """Names that a magic may define: ``%%capture output``, ``%%bigquery df``, ``%time x = f()``."""
    if command.kind == "?":
        return _WORD.findall(command.text) if command.text.startswith(("/", ",", ";")) else []
    return _WORD.findall(command.text) if command.kind in ("%", "%%") else []


def _is_deliberate(cell: Cell) -> bool:
    """The cell is there to show the error."""
    return "raises-exception" in cell.tags or "NameError" in cell.source


def _describe(use: _Use, notebook: Notebook) -> str:
    name = use.name[:40]
    stops = "so Run all stops here with a NameError"
    if name in _PYTHON_2:
        return f"{name} was a built-in name of Python 2, {stops}; write {_PYTHON_2[name]}"
    if name == "__file__":
        return f"__file__ is not defined in a notebook, {stops}; write os.getcwd(), or the path itself"
    if defined := _first_definition(use):
        return f"{name} has no value before line {defined} of this cell, {stops}; define it in a cell above"
    for cell in notebook.cells[use.cell.number :]:
        if _binds(cell, name):
            return f"{name} has no value before cell {cell.number}, {stops}; move that cell above this one"
    if name in _USUAL_IMPORTS:
        return f"{name} is not defined in any cell above, {stops}; add: {_USUAL_IMPORTS[name]}"
    return f"{name} is not defined in any cell above, {stops}; define or import it first, or correct its spelling"


def _first_definition(use: _Use) -> int:
    tree = use.cell.tree
    events = read_events(tree, True) if not isinstance(tree, SyntaxError) else []
    lines = (event.line for event in events if event.kind == BIND and event.name == use.name and event.line > use.line)
    return next(lines, 0)


def _binds(cell: Cell, name: str) -> bool:
    if not cell.is_python or name not in cell.source or isinstance(cell.tree, SyntaxError):
        return False
    return any(event.kind == BIND and event.name == name for event in _read(cell, True))
