"""Record which generated cells Colab's kernel can read: ``tests/check/rules/data/ipython_cells.json``.

Colab's kernel is IPython 7.34 on Python 3.13, which cannot be installed beside the tests. Run this in an environment
that has it:

    uv run --no-project --python 3.13 --with ipython==7.34.0 --with setuptools python tools/record_ipython.py

The tests compare what ``check`` says of these cells with what IPython did.
"""

import ast
import json
import random
import sys
import warnings
from pathlib import Path

RECORD = Path(__file__).parents[1] / "tests" / "check" / "rules" / "data" / "ipython_cells.json"
LINES = [
    "x = 1",
    "x = [1,",
    "2]",
    "if x:",
    "    y = 2",
    "def f():",
    "    return x",
    "print('it', 's')",
    "# a comment",
    "#@title Install",
    "",
    "    ",
    "!ls -la",
    "    !ls",
    "!echo it's",
    '!echo "{x}" > a.txt',
    "!!pwd",
    "!pip install einops \\",
    "  timm",
    "files = !ls",
    "files=!ls *.py",
    "    files = !ls",
    "first, second = !ls",
    "files = !!ls",
    "files: list = !ls",
    "self.files = !ls",
    "rows['a'] = !ls",
    "here = %pwd",
    "%matplotlib inline",
    "    %cd /tmp",
    "%time y = 2",
    "%%time",
    "%%bash",
    "%%capture out",
    "%% a cell",
    "pip install einops",
    "    pip install einops",
    "pip install -q 'timm>=1'",
    "cd ../",
    "cd ..",
    "cd /content/3d-demo",
    "cd",
    "ls",
    "ls ./data/train/",
    "ls *.py",
    "ls -la",
    "mv /content/a.csv My\\ Drive/b.csv",
    "rm -rf /content/out",
    "mkdir -p a/b",
    "cat a.txt",
    "cat = 3",
    "ls, rm = 1, 2",
    "conda install -y six",
    "apt install git-lfs",
    "git clone https://example.org/a/b",
    "wget https://example.org/a",
    "uv pip install six",
    "time y = 2",
    "matplotlib inline",
    "load_ext autoreload",
    "env A=1",
    "who am i",
    "history of this",
    "print?",
    "?print",
    "print??",
    "print(1)?",
    "x.y?",
    "what is this?",
    "print? # why",
    'ask = "really?"',
    "/print 1",
    ",print a b",
    ";print a b",
    ">>> x = 1",
    "... y = 2",
    "In [3]: x = 1",
    "   ...: y = 2",
    'print "hello"',
    "for x in y: !ls",
    "x = 1; !ls",
    "with x: y = %pwd",
    "else:",
    'text = """',
    '"""',
    "await x",
    "x = y if z else !ls",
    "f(a=!ls)",
    "x == !ls",
    "x += !ls",
    "x != y",
    "x = 10 % 3",
    "% 3",
]


QUOTES = ["'", '"', "'''", '"""']
EXPRESSIONS = [
    "x",
    "x.y",
    "d['a']",
    'd["a"]',
    "f(x, y)",
    "[a for a in b]",
    "{1: 2}",
    "x if y else z",
    "x != y",
    "*x, y",
]
EXPRESSIONS += [
    "lambda: 1",
    "(lambda: 1)",
    "x := 1",
    "(x := 1)",
    "'\\n'.join(x)",
    '"\\n".join(x)',
    "x # why",
    "",
    " ",
    "x y",
]
FORMATS = ["", "", "=", " = ", "!r", "!z", "! r", ":>10", ":{width}", "!s:{width}.{precision}", ":%Y-%m", ":{{}}", ":"]
LITERALS = ["", "a ", "{{", "}}", "}", "\\n", "\\{", "\\N{EM DASH}", "\n", "#", "it's", 'say "so"', "\\'"]
STATEMENTS = [
    "type X = int",
    "type X[T] = list[T]",
    "type = 3",
    "type (x)",
    "type X",
    "type[X] = 3",
    "type X[T = int] = T",
]
STATEMENTS += [
    "def f[T](x: T) -> T: pass",
    "class A[T: int, *Ts, **P]: pass",
    "def f[*A: str](): pass",
    "def f[](): pass",
]
STATEMENTS += [
    "async def f[T](x): pass",
    "class A[T = int](B): pass",
    "x = type(y)",
    "print(type, x)",
    "match x:\n case f: pass",
]
STATEMENTS += [
    "try:\n  pass\nexcept A, B:\n  pass",
    "try:\n  pass\nexcept (A, B) as e:\n  pass",
    "t'{x}'",
    'x = t"" "a"',
]
STATEMENTS += [
    "try:\n  pass\nexcept* A:\n  pass",
    "try:\n  pass\nexcept A, e:\n  print e",
    "def f[\n T\n](x): pass",
    "rb'a' f'{x!r}'",
]


def make_string(choose: random.Random, depth: int = 0) -> str:
    """An f-string, right or wrong."""
    quote = choose.choice(QUOTES)
    parts = []
    for _ in range(choose.randint(1, 3)):
        nested = depth < 2 and choose.random() < 0.3
        expression = make_string(choose, depth + 1) if nested else choose.choice(EXPRESSIONS)
        parts += [
            choose.choice(LITERALS) if choose.random() < 0.5 else "",
            "{",
            expression,
            choose.choice(FORMATS),
            "}",
        ]
    return f"{choose.choice(['f', 'f', 'F', 'rf', 'fR'])}{quote}{''.join(parts)}{quote}"


def make_text(choose: random.Random) -> str:
    """A few lines with syntax of Python 3.12 and newer, right or wrong."""
    lines = []
    for _ in range(choose.randint(1, 2)):
        if choose.random() < 0.25:
            lines.append(choose.choice(STATEMENTS))
        else:
            beside = choose.choice(["", "", ' "a"', " 'b' ", ".upper()", " % x", " b''"])
            lines.append(choose.choice(["", "x = ", "print(", "x = [1, "]) + make_string(choose) + beside)
            lines[-1] += ")" if lines[-1].startswith("print(") else "]" if lines[-1].startswith("x = [") else ""
    return "\n".join(lines)


def main() -> None:
    """Ask IPython and Python, and write the record."""
    import IPython
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    choose = random.Random(734)
    singles = [*LINES, *(f"{line}\n" for line in LINES), *(f"{line}\n\n" for line in LINES)]
    singles += [f"{above}{line}" for above in ("\n\n", "# first\n", "  ", "%%time\n") for line in LINES]
    mixed = ["\n".join(choose.choices(LINES, k=choose.randint(2, 5))) for _ in range(1500)]
    cells = {cell: _can_read(shell, cell) for cell in [*singles, *mixed]}
    texts = {text: _is_python(text) for text in [*STATEMENTS, *(make_text(choose) for _ in range(1200))]}
    known = {
        "ipython": IPython.__version__,
        "cells": [[cell, int(can)] for cell, can in cells.items()],
        "python": ".".join(map(str, sys.version_info[:2])),
        "texts": [[text, int(can)] for text, can in texts.items()],
    }
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(known, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(texts):,} texts, {sum(texts.values()):,} of which are Python {known['python']}")
    print(f"{len(cells):,} cells, {sum(cells.values()):,} of which IPython {IPython.__version__} can read: {RECORD}")


def _can_read(shell: "object", cell: str) -> bool:
    """Does the cell become Python? A shell of IPython does what comes before it runs a cell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(shell.transform_cell(cell))  # type: ignore[attr-defined]
        except SyntaxError:
            return False
    body = _body_of_magic(tree)
    return body is None or _can_read(shell, body)


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except SyntaxError:
            return False
    return True


def _body_of_magic(tree: ast.Module) -> str | None:
    """The cell that %%time and %%capture run as Python."""
    value = tree.body[0].value if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "run_cell_magic":
        name, _, body = [ast.literal_eval(argument) for argument in value.args]
        return str(body) if name in ("time", "capture") else None
    return None


if __name__ == "__main__":
    main()
