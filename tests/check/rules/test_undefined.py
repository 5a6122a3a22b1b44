"""CS313 names what has no value under Run all, and is quiet wherever it cannot know."""

import builtins
import random
from traceback import extract_tb

import pytest

from colab_starter.check.findings import Finding
from tests.check.conftest import Cells, Write, code, findings_in, parameters
from tests.support.marks import seeds


def undefined_in(write: Write, cells: Cells, runtime: str = "latest") -> list[Finding]:
    return [finding for finding in findings_in(write(cells), runtime) if finding.code == "CS313"]


UNDEFINED = {
    "a name of a later cell": (["print(x)", "x = 1"], 1, 1, "cell 2"),
    "a name of a later line": (["x = 1\nprint(y)\ny = 2"], 1, 2, "line 3"),
    "a name that is changed before it is there": (["x += 1"], 1, 1, "x is not defined"),
    "a table that is cleaned before it is read": (["df = df.dropna()"], 1, 1, "df is not defined"),
    "a forgotten import": (["a = 1\nb = np.ones(a)"], 1, 2, "import numpy as np"),
    "a built-in name of Python 2": (["for i in xrange(3):\n    print(i)"], 1, 1, "write range"),
    "the path of the notebook": (["import os\nos.path.dirname(__file__)"], 1, 2, "os.getcwd()"),
    "a name that was deleted": (["x = 1\ndel x", "x"], 2, 1, "x is not defined"),
    "a condition": (["if ready:\n    pass"], 1, 1, "ready"),
    "the body of the main program": (["if __name__ == '__main__':\n    start()"], 1, 2, "start"),
    "a base class": (["class A(Base):\n    pass"], 1, 1, "Base"),
    "the body of a class": (["class A:\n    b = c"], 1, 2, "c is not"),
    "a decorator": (["@cached\ndef f():\n    pass"], 1, 1, "cached"),
    "a default value": (["def f(x=start):\n    pass"], 1, 1, "start"),
    "a type hint": (["def f(x: List[int]):\n    pass"], 1, 1, "List"),
    "a comprehension": (["[f(x) for x in range(3)]"], 1, 1, "f is not"),
    "a text with a value in it": (['print(f"{count} files")'], 1, 1, "count"),
    "what follows a caught error": (["try:\n    pass\nexcept OSError as error:\n    pass\nprint(eror)"], 1, 5, "eror"),
    "a subject that is matched": (["match command:\n    case _:\n        pass"], 1, 1, "command"),
    "a body that is timed": (["%%time\nfit(x)"], 1, 2, "fit"),
    "a shell command among Python": (["x = 1\nls"], 1, 2, "ls is not"),
    "what follows a known extension": (["%load_ext tensorboard\nprint(x)"], 1, 2, "x is not"),
    "what stands above a star import": (["print(pi)", "from math import *"], 1, 1, "pi"),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_name_without_a_value_is_told_where_it_is_used(name: str, write: Write) -> None:
    cells, cell, line, mentions = UNDEFINED[name]
    (finding,) = undefined_in(write, list(cells))
    assert (finding.cell, finding.line) == (cell, line)
    assert mentions in finding.message


DEFINED: dict[str, Cells] = {
    "built-in names": [";".join(name for name in dir(builtins) if name[0].islower() and name != "exec")],
    "IPython's names": ["display(1)\nget_ipython()\nIn[-1], Out, _, __, _i, _ih, _oh, _dh, _exit_code\nexit, quit"],
    "names of the module": ["print(__name__, __doc__, __builtins__)"],
    "a star import": ["from math import *\nprint(pi)", "cos(1)"],
    "a script that is run": ["%run setup.py", "start()"],
    "code that is loaded": ["%load setup.py", "start()"],
    "pylab": ["%pylab inline", "plot([1])"],
    "exec": ["exec(open('setup.py').read())\nstart()", "start()"],
    "globals": ["globals()['x'] = 1\nx", "x"],
    "a namespace that is updated": ["locals().update(a=1)", "a"],
    "an unknown extension": ["%load_ext kedro.ipython", "catalog"],
    "JavaScript that runs Python": ["%%javascript\nIPython.notebook.kernel.execute('x = 1')", "x"],
    "an unknown magic": ["%some_magic", "x"],
    "an unknown cell magic": ["%%cython\ndef f(): pass", "f()"],
    "a captured output": ["%%capture out\nprint(1)", "out.show()"],
    "a query's result": ["%%bigquery df --project p\nSELECT 1", "df"],
    "another query's result": ["%%sql rows <<\nSELECT 1", "rows"],
    "a script's output": ["%%bash --out lines --err faults\nls", "lines, faults"],
    "a stored value": ["%store -r x", "x"],
    "a timed assignment": ["%time x = 1", "x"],
    "a timing": ["t = %timeit -o -q 1", "t.best"],
    "a listing": ["files = !ls", "files"],
    "parameters": [parameters("epochs = 3"), "epochs"],
    "a value that papermill set": [code("epochs = 3", tags=["injected-parameters"]), "epochs"],
    "a cell that is broken": ["x = = 1", "x"],
    "a cell in Python 2": ["total = 1\nprint total", "total"],
    "a guarded use": ["try:\n    x\nexcept NameError:\n    x = 1", "x"],
    "a use behind a condition": ["import sys\nif 'a' in sys.modules:\n    a.start()"],
    "a use in a choice": ["x = 1\ny = z if x > 2 else 3\nw = x or v"],
    "a use that is suppressed": ["import contextlib\nwith contextlib.suppress(NameError):\n    del x"],
    "a definition behind a condition": ["if True:\n    x = 1", "x"],
    "a definition in try": ["try:\n    import a\nexcept ImportError:\n    a = None", "a"],
    "a global of a function": ["def start():\n    global engine\n    engine = 1\nstart()", "engine"],
    "a function's body": ["def f():\n    return later()", "def later():\n    return 1", "f()"],
    "a lambda's body": ["f = lambda: later", "later = 1"],
    "a body of a method": ["class A:\n    def f(self) -> int:\n        return later\nA"],
    "names of a class": ["class A:\n    b = 1\n    c = b\n    def d(self): ...\n    e = property(d)"],
    "scopes of comprehensions": ["[(x, y) for x in range(3) for y in range(x) if y]\n{k: v for k, v in {}.items()}"],
    "a walrus in a comprehension": ["[y := x for x in range(3)]\ny"],
    "loops": ["for i, (a, *b) in []:\n    c = a, b\ni, c"],
    "with": ["with open('a') as f, open('b') as (g, h):\n    f, g, h"],
    "a caught error": ["try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)"],
    "patterns": [
        "match 1:\n  case [a, *b]:\n    a, b\n  case {'k': c, **d}:\n    c, d\n  case e:\n    e",
        "a, b, c, d, e",
    ],
    "imports": ["import a.b, c as d\nfrom e import f, g as h\na, d, f, h"],
    "an annotation": ["x: int = 1\nx", "y: str"],
    "hints that are not evaluated": ["from __future__ import annotations\ndef f(x: List[int]) -> Later: ...\nz: T = 1"],
    "nonlocal": ["def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    g()"],
    "symbols of SymPy": ["from sympy import var\nvar('x y')\nx + y"],
    "await": ["import asyncio\nasync def f(): ...\nawait f()\nasync for x in f():\n    x"],
    "a variable called as a built-in function, then deleted": ["list = [1]\ndel list", "list((1, 2))"],
    "a deletion in a loop": ["for i in range(2):\n    x = i\n    del x", "x = 1\nx"],
    "a magic without its sign": ["ls", "pwd", "whos"],
    "a cell that is there for its error": ["undefined  # NameError", code("undefined", tags=["raises-exception"])],
    "type parameters": ["def first[T](x: list[T]) -> T: ...\nclass A[U]:\n    x: U\ntype B[V] = list[V]"],
    "help": ["something?", "?something"],
    "other languages": ["%%bash\necho $x", "%%html\n<b>x</b>", "%%R\ny <- x"],
    "a text cell's code": [{"cell_type": "markdown", "metadata": {}, "source": "print(x)"}],
}


@pytest.mark.parametrize("name", DEFINED)
def test_what_has_a_value_or_may_have_one_is_no_finding(name: str, write: Write) -> None:
    assert undefined_in(write, DEFINED[name]) == []


def test_of_a_cell_only_the_first_name_is_told_and_of_a_notebook_only_three(write: Write) -> None:
    found = undefined_in(write, ["a\nb", "c", "d", "e", "f"])
    assert [(finding.cell, finding.line) for finding in found] == [(1, 1), (2, 1), (3, 1)]
    assert "2 more cells" in found[-1].message


def test_a_notebook_in_another_language_is_not_judged(write: Write) -> None:
    metadata = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    assert [finding.code for finding in findings_in(write(["undefined"], metadata=metadata))] == []


def make_cells(chance: random.Random) -> list[str]:
    """Cells of small statements that define, use and delete a few names; nothing is sure to have a value."""
    names = "abcde"

    def expression() -> str:
        name = chance.choice(names)
        return chance.choice(
            ("1", name, f"({name}, 2)", f"[{name} for _ in (1,)]", f"[z for z in ({name},)]", "len('x')")
        )

    def statement() -> str:
        name = chance.choice(names)
        return chance.choice(
            (
                f"{name} = {expression()}",
                f"{name} = {expression()}",
                f"print({expression()})",
                f"for {name} in [1]:\n    print({expression()})",
                f"def {name}(x={expression()}):\n    return {chance.choice(names)}",
                f"class {name}:\n    x = {expression()}\n    y = x",
                f"import math as {name}",
                f"del {name}",
                f"{name} = lambda: {chance.choice(names)}",
                f"({name} := {expression()})",
            )
        )

    return ["\n".join(statement() for _ in range(chance.randint(1, 4))) for _ in range(chance.randint(1, 4))]


@pytest.mark.parametrize("seed", seeds(20, 60))
def test_the_first_finding_is_where_python_raises_a_name_error(seed: int, write: Write) -> None:
    cells = make_cells(random.Random(seed))
    raised: tuple[int, int] | None = None
    space: dict[str, object] = {"print": lambda *_: None}
    for number, source in enumerate(cells, 1):
        try:
            exec(compile(source, "cell", "exec"), space)  # of our own making
        except NameError as error:
            raised = (number, extract_tb(error.__traceback__)[-1].lineno or 0)
            break

    found = undefined_in(write, list(cells))

    assert (found[0].cell, found[0].line) == raised if raised else found == []
