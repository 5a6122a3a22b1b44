"""CS312, CS317, CS318: what the kernel is, and what is decided before a library is loaded."""

import ast
import re
from collections.abc import Iterator

from colab_starter.check.rule import COLAB, ERROR, WARNING, Problem, rule
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import read_literal
from colab_starter.runtimes import Runtime

_LOADS_AUTORELOAD = re.compile(r"(?:re)?load_ext\s+(?:IPython\.extensions\.)?autoreload\b")
_PYTHON_OF_NO_IMP = (3, 12)
_OWN_LANGUAGES = ("python", "ipython", "r", "julia")
"""Languages that Colab's menu of runtimes offers."""
_FOREIGN_KERNELS = {
    "swift": "Swift",
    "scala": "Scala",
    "spylon": "Scala",
    "apache_toree_scala": "Scala",
    "almond": "Scala",
    "xcpp": "C++",
    "cling": "C++",
    "gophernotes": "Go",
    "rust": "Rust",
    "evcxr": "Rust",
    "java": "Java",
    "kotlin": "Kotlin",
    "ihaskell": "Haskell",
    "haskell": "Haskell",
    "javascript": "JavaScript",
    "jslab": "JavaScript",
    "deno": "TypeScript",
    "tslab": "TypeScript",
    "octave": "Octave",
    "matlab": "MATLAB",
    "iruby": "Ruby",
    "ruby": "Ruby",
    "sagemath": "SageMath",
    ".net-csharp": "C#",
    ".net-fsharp": "F#",
    ".net-powershell": "PowerShell",
    "bash": "Bash",
    "stata": "Stata",
    "sas": "SAS",
    "wolframlanguage": "the Wolfram Language",
    "coq": "Coq",
    "iperl": "Perl",
    "clojure": "Clojure",
    "elixir": "Elixir",
    "ocaml": "OCaml",
}
"""How the names of such kernels begin -> their language; for notebooks that do not name it."""
_KERAS = frozenset(("keras", "keras_hub", "keras_cv", "keras_nlp", "keras_tuner", "keras_core"))
_RESTARTS = re.compile(r"os\.kill\(|os\._exit\(|do_shutdown|^\s*(?:exit|quit)\(\)", re.MULTILINE)


@rule(
    "CS312",
    "autoreload",
    ERROR,
    evidence="IPython 7.34 on Python 3.12 and later: No module named 'imp' (measured; googlecolab/colabtools#5580).",
)
def find_autoreload(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """%load_ext autoreload is not used.

    Colab has IPython 7.34, whose autoreload imports the module imp, and Python 3.12 dropped that module: the cell
    stops with "No module named 'imp'". Call importlib.reload(module) after you have changed a file, or load the
    extension only where sys.version_info < (3, 12).
    """
    if not _lacks_imp(runtime) or _brings_imp(notebook):
        return
    lines = [
        (cell, found.line)
        for cell, found in notebook.commands
        if found.kind == "%" and "autoreload" in found.text and not found.nested and _LOADS_AUTORELOAD.match(found.text)
    ]
    lines += [(cell, call.line) for cell, call in notebook.calls if not call.guarded and _calls_autoreload(call.node)]
    for cell, line in sorted(lines, key=lambda place: (place[0].number, place[1]))[:1]:
        yield Problem(
            f"autoreload of IPython {runtime.packages['ipython']} stops with \"No module named 'imp'\", which "
            f"Python {_short(runtime.python)} lacks; delete the line, and call importlib.reload(module) where needed",
            cell,
            line,
        )


def _lacks_imp(runtime: Runtime) -> bool:
    python = tuple(int(part) for part in runtime.python.split(".")[:2])
    return python >= _PYTHON_OF_NO_IMP and runtime.packages.get("ipython", "").startswith("7.")


def _brings_imp(notebook: Notebook) -> bool:
    names = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    return not names.isdisjoint(("ipython", "zombie-imp", "pyimp", "fake-imp")) or any(
        "sys.modules" in cell.source and "imp" in cell.source for cell in notebook.cells if cell.is_python
    )


def _calls_autoreload(call: ast.Call) -> bool:
    words = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    text = " ".join(word for word in words if isinstance(word, str))
    return "autoreload" in text and isinstance(call.func, ast.Attribute) and bool(_LOADS_AUTORELOAD.match(text))


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


@rule(
    "CS317",
    "unknown-kernel",
    ERROR,
    platforms=(COLAB,),
    evidence='Colab says: Unrecognized runtime "swift"; defaulting to "python3" (googlecolab/colabtools#1816).',
)
def find_unknown_kernel(notebook: Notebook) -> Iterator[Problem]:
    """The notebook is in a language that Colab has a kernel for.

    Colab offers Python 3, R and Julia. A notebook in any other language is opened with Python 3 after a short notice,
    and stops at its first cell. A Python kernel with a name of its own, such as a conda environment's, does no harm.
    """
    language = _foreign_language(notebook)
    if language and any(cell.kind == "code" and cell.source.strip() for cell in notebook.cells):
        yield Problem(
            f"Colab has no kernel for {language} and runs the cells as Python 3, where the first one stops; "
            "offer this notebook through a service that has one, such as Binder"
        )


def _foreign_language(notebook: Notebook) -> str:
    """The language as it is to be shown; empty for those that Colab runs, and where it is unknown."""
    kernel = _as_dict(notebook.metadata.get("kernelspec"))
    named = kernel.get("language") or _as_dict(notebook.metadata.get("language_info")).get("name")
    name = str(kernel.get("name", "")).lower()
    start = max(filter(name.startswith, _FOREIGN_KERNELS), key=len, default="")
    by_kernel = _FOREIGN_KERNELS.get(start, "")
    if not isinstance(named, str) or not named.strip():
        return by_kernel
    if named.lower().rstrip("23. ").startswith(_OWN_LANGUAGES[:2]) or named.lower() in _OWN_LANGUAGES:
        return ""
    return by_kernel or named[:30]


def _as_dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


@rule(
    "CS318",
    "late-keras-backend",
    WARNING,
    evidence="keras/src/backend/config.py reads KERAS_BACKEND once, while keras is imported.",
)
def find_late_keras_backend(notebook: Notebook) -> Iterator[Problem]:
    """KERAS_BACKEND is set before keras is imported.

    Keras chooses its backend while it is imported, and keeps it. A value that is set later changes nothing: the
    notebook goes on with TensorFlow, without a word. Set os.environ["KERAS_BACKEND"] above the first import of keras.
    """
    settings = sorted(_settings_of_backend(notebook), key=lambda found: (found[0].number, found[1]))
    if not settings:
        return
    imported = next(
        ((cell, one.line) for cell, one in notebook.imports if one.module.partition(".")[0] in _KERAS), None
    )
    if imported is None or any(_RESTARTS.search(cell.source) for cell in notebook.cells if cell.is_python):
        return
    place = (imported[0].number, imported[1])
    current = {value for cell, line, value in settings if (cell.number, line) < place} or {"tensorflow"}
    for cell, line, value in settings:
        if (cell.number, line) > place and value not in current:
            yield Problem(
                f"keras was imported in {_name_place(imported, cell)} and keeps the backend it chose there, so this "
                "changes nothing; set KERAS_BACKEND above that import",
                cell,
                line,
            )
            return


def _settings_of_backend(notebook: Notebook) -> Iterator[tuple[Cell, int, object]]:
    """Where the variable is set, outside functions and conditions, and to what; NOT_LITERAL for what is no literal."""
    for cell in notebook.cells:
        if not cell.is_python or "KERAS_BACKEND" not in cell.source:
            continue
        for command in cell.commands:
            if match := re.match(r"(?:set_)?env\s+KERAS_BACKEND[ =]\s*(\w+)", command.text):
                yield cell, command.line, match[1]
        for statement in cell.tree.body if isinstance(cell.tree, ast.Module) else []:
            if isinstance(statement, ast.Assign) and any(map(_is_backend, statement.targets)):
                yield cell, statement.lineno, read_literal(statement.value)


def _is_backend(target: ast.expr) -> bool:
    return isinstance(target, ast.Subscript) and read_literal(target.slice) == "KERAS_BACKEND"


def _name_place(place: tuple[Cell, int], seen_from: Cell) -> str:
    cell, line = place
    return f"line {line}" if cell is seen_from else f"cell {cell.number}"
