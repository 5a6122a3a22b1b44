"""CS407 to CS411: what Python and the libraries on Colab no longer have."""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from itertools import chain
from typing import NamedTuple
from weakref import WeakKeyDictionary

from colab_starter.check.rule import ERROR, Problem, rule
from colab_starter.check.rules.gone_tables import Entry, Table, libraries, load_table, package_of
from colab_starter.check.rules.install import admits, local_modules, version_of
from colab_starter.check.rules.modules import REMOVED_FROM_PYTHON
from colab_starter.check.rules.origins import Origins, canonical_class
from colab_starter.notebook.model import Cell, Notebook
from colab_starter.notebook.python import Call, dotted_name
from colab_starter.runtimes import Runtime, package_of_module

_MAY_PIN = re.compile(
    r"\s-r\s?\S|requirements?\b|\s-e\s|install\s+\.|\bconda\b|\bmamba\b|\bpoetry\b|\buv sync\b|setup\.py"
)
"""Commands that may install other versions of anything."""
_PROVIDES = re.compile(r"hasattr\(|setattr\(|getattr\(|sys\.modules")
"""Where these stand with the name of what is gone, the notebook knows that it may be gone."""
_LEGACY_KERAS = "TF_USE_LEGACY_KERAS"
_ONLY_OF_KERAS = frozenset(("fit_generator", "evaluate_generator", "predict_generator", "predict_classes"))
"""Methods that nothing but Keras's models ever had."""
_KERAS_MODELS = frozenset(("keras.Model", "keras.models.Sequential"))


class _Use(NamedTuple):
    """A place where the notebook uses something that is gone."""

    cell: Cell
    line: int
    shown: str
    """As the notebook writes it."""
    name: str
    """By which the table knows it."""
    instead: str = ""


@rule("CS407", "removed-from-python", ERROR, evidence="What's New in Python 3.12 and 3.13, and PEP 594.")
def find_removed_modules(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No module is imported that the runtime's Python no longer has.

    Python 3.12 and 3.13 dropped modules that had been in the standard library for decades, and Colab's newest runtime
    has Python 3.13. Use what the message names, or choose an older runtime.
    """
    python = tuple(int(part) for part in runtime.python.split(".")[:2])
    provided = {requirement.name for _, install in notebook.installs for requirement in install.requirements}
    for cell, found in notebook.imports:
        module = found.module.partition(".")[0]
        dead = REMOVED_FROM_PYTHON.get(module)
        if not dead or found.guarded or tuple(map(int, dead.since.split("."))) > python:
            continue
        if module in local_modules(notebook):
            continue
        if package_of_module(module) not in runtime.also and not any(module in name for name in provided):
            yield Problem(f"Python has no {module} since {dead.since}; use {dead.instead}", cell, found.line)


@rule(
    "CS408",
    "gone-name",
    ERROR,
    evidence="In 712 of 5,426 public notebooks the most frequent real fault. The names come from the wheels of 25 "
    "libraries; each was looked up in an environment with the latest runtime's versions.",
)
def find_gone_names(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """The notebook uses no module, function, class or method that the runtime's libraries have dropped.

    Tutorials outlive the libraries they were written for: np.int, tf.Session, DataFrame.append and
    transformers.AdamW were there once, and now stop the notebook. Each name is reported once, where it is used first.
    The rule keeps quiet inside if and try, and where the notebook installs a version of its own.
    """
    _, tables = _scope_of(notebook, runtime)
    if not tables:
        return
    uses: dict[str, list[_Use]] = {}
    for use in _all_uses(notebook, runtime):
        uses.setdefault(use.name, []).append(use)
    for name, found in uses.items():
        if not _is_provided_for(notebook, name):
            table = tables[name.partition(".")[0]]
            yield _problem(found, table, runtime, found[0].instead or table.instead_of(name))


@rule(
    "CS410",
    "gone-argument",
    ERROR,
    evidence="Compared by signature, from wheel to wheel and with the latest runtime's versions; arguments that "
    "**kwargs hide were tried out.",
)
def find_gone_arguments(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No call has an argument that the runtime's library no longer takes.

    Adam(lr=...), OneHotEncoder(sparse=...) or Trainer(tokenizer=...) end in a TypeError or ValueError since the
    argument was renamed or removed. Write what the message names.
    """
    origins, tables = _scope_of(notebook, runtime)
    names = {name for table in tables.values() for name in table.argument_names}
    uses: dict[str, list[_Use]] = {}
    advice: dict[str, tuple[Table, str]] = {}
    for cell, call, keyword in _keywords(notebook, names):
        if found := _find_argument(_whole_name(call, origins), str(keyword.arg), tables):
            shown = f"{keyword.arg}= of {call.name.removeprefix('().')}()"
            uses.setdefault(shown, []).append(_Use(cell, keyword.value.lineno, shown, ""))
            advice[shown] = found
    for shown, places in uses.items():
        table, instead = advice[shown]
        yield _problem(places, table, runtime, instead)


@rule(
    "CS411",
    "gone-value",
    ERROR,
    evidence="Each value was tried out with the latest runtime's versions: pipeline('summarization') raises KeyError, "
    "plt.style.use('seaborn') OSError.",
)
def find_gone_values(notebook: Notebook, runtime: Runtime) -> Iterator[Problem]:
    """No call is given a text that the runtime's library no longer knows.

    Tasks of pipeline(), styles of Matplotlib and the like are names too, only in quotes: "summarization" went with
    transformers 5, "seaborn-whitegrid" with Matplotlib 3.8. Write what the message names.
    """
    origins, tables = _scope_of(notebook, runtime)
    uses: dict[str, list[_Use]] = {}
    entries: dict[str, tuple[Entry, Table]] = {}
    wanted = [(entry, table) for table in tables.values() for entry in table.entries if entry.values]
    texts = {value for entry, _ in wanted for value in entry.values}
    cells = {cell.number for cell, text in notebook.texts if text.value in texts} if wanted else set[int]()
    for cell, call in _certain_calls(notebook):
        for entry, table in wanted if cell.number in cells else ():
            value = _argument(call.node, entry)
            if value is not None and entry.call.fullmatch(canonical_class(_whole_name(call, origins))):
                shown = f'{entry.argument}="{value.value!s}"'
                uses.setdefault(shown, []).append(_Use(cell, value.lineno, shown, ""))
                entries[shown] = entry, table
    for shown, places in uses.items():
        entry, table = entries[shown]
        yield _problem(places, table, runtime, entry.instead)


def _problem(uses: list[_Use], table: Table, runtime: Runtime, instead: str) -> Problem:
    first = min(uses, key=lambda use: (use.cell.number, use.line))
    more = f" ({len(uses) - 1} more below)" if len(uses) > 1 else ""
    advice = instead if instead.startswith("leave") else f"use {instead}"
    if not instead:
        advice = f"see the release notes of {table.named}"
    return Problem(
        f"{first.shown} is gone: the Colab runtime {runtime.name} has {table.named} {table.version}; {advice}{more}",
        first.cell,
        first.line,
    )


class _Scope(NamedTuple):
    """What the rules of this module know of a notebook."""

    origins: Origins
    tables: dict[str, Table]


_SCOPES: WeakKeyDictionary[Notebook, tuple[Runtime, _Scope]] = WeakKeyDictionary()


def _scope_of(notebook: Notebook, runtime: Runtime) -> _Scope:
    known = _SCOPES.get(notebook)
    if known is None or known[0] is not runtime:
        known = _SCOPES[notebook] = runtime, _Scope(Origins(notebook), _tables_of(notebook, runtime))
    return known[1]


def _tables_of(notebook: Notebook, runtime: Runtime) -> dict[str, Table]:
    """The tables of the libraries that the notebook imports and uses as the runtime has them."""
    imported = {found.module.partition(".")[0] for _, found in notebook.imports} & libraries()
    if "tensorflow" in imported:
        imported |= {"keras"} & libraries()
    if not imported:
        return {}
    local = local_modules(notebook)
    tables = {}
    for library in imported - local:
        version = version_of(package_of(library), runtime, notebook.accelerator)
        if version and not _may_have_another(notebook, library, version):
            tables[library] = load_table(library, version)
    return tables


def _may_have_another(notebook: Notebook, library: str, version: str) -> bool:
    """Whether the notebook installs a version of its own, as far as can be told."""
    package = package_of(library)
    names = {package, f"{package}-cpu", f"{package}-gpu"}
    for _, install in notebook.installs:
        for requirement in install.requirements:
            if requirement.name in names and requirement.specifier and not admits(requirement.specifier, version):
                return True
    own = re.compile(rf"\b{library}(?:\.git)?@|{library}\S*(?:\.whl|\.zip|\.tar)", re.IGNORECASE)
    commands = [
        command.text for _, command in notebook.commands if "install" in command.text or "conda" in command.text
    ]
    return any(_MAY_PIN.search(text) or own.search(text) for text in commands)


def _all_uses(notebook: Notebook, runtime: Runtime) -> Iterator[_Use]:
    origins, tables = _scope_of(notebook, runtime)
    ignores_keras = any(_LEGACY_KERAS in cell.source for cell in notebook.cells if cell.is_python)
    found = (_imported(notebook, tables), _attributes(notebook, origins, tables), _refused(notebook, origins, tables))
    for use in chain.from_iterable(found):
        if not (ignores_keras and use.name.startswith("tensorflow.keras")):
            yield use
    if not ignores_keras:
        yield from _methods(notebook, origins, tables)


def _imported(notebook: Notebook, tables: Mapping[str, Table]) -> Iterator[_Use]:
    for cell, found in notebook.imports:
        path = f"{found.module}.{found.name}" if found.name else found.module
        table = tables.get(path.partition(".")[0])
        if table and not found.guarded and (name := _gone_part(path, table)):
            yield _Use(cell, found.line, name, name)


def _gone_part(path: str, table: Table, known: int = 1) -> str:
    """The part of a name with dots that is gone as a whole, beyond its first ``known`` parts; mostly none."""
    parts = path.split(".")
    for length in range(known + 1, len(parts) + 1):
        if (name := ".".join(parts[:length])) in table.names:
            return name
    return ""


def _attributes(notebook: Notebook, origins: Origins, tables: Mapping[str, Table]) -> Iterator[_Use]:
    for cell in notebook.cells:
        for node, guarded in cell.facts.attributes:
            if guarded or not (written := dotted_name(node)):
                continue
            first = written.partition(".")[0]
            origin = origins.aliases.get(first, "")
            table = tables.get(origin.partition(".")[0])
            if table is None:
                continue
            path = origin + written[len(first) :]
            # The longest chain is the one that counts; its beginnings are attributes of their own.
            name = _gone_part(path, table, origin.count(".") + 1)
            if name == path and not origins.is_rebound(written):
                yield _Use(cell, node.lineno, written, name)


def _refused(notebook: Notebook, origins: Origins, tables: Mapping[str, Table]) -> Iterator[_Use]:
    """Calls of what is only there to say that it is gone."""
    entries = [entry for table in tables.values() for entry in table.entries if not entry.argument]
    for cell, call in _certain_calls(notebook) if entries else ():
        name = _whole_name(call, origins)
        for entry in entries:
            if entry.call.fullmatch(name):
                yield _Use(cell, call.line, f"{call.name}()", name, entry.instead)


def _methods(notebook: Notebook, origins: Origins, tables: Mapping[str, Table]) -> Iterator[_Use]:
    for cell in notebook.cells:
        called = ((call.node.func, call.guarded) for call in cell.facts.calls)
        for node, guarded in (*called, *((one, guarded) for one, guarded in cell.facts.attributes if one.attr == "ix")):
            if guarded or not isinstance(node, ast.Attribute):
                continue
            had = [table for table in tables.values() if node.attr in table.methods]
            if name := next(filter(None, (_class_that_had(node, origins, table) for table in had)), ""):
                yield _Use(cell, node.end_lineno or node.lineno, ast.unparse(node)[-60:], name)


def _class_that_had(node: ast.Attribute, origins: Origins, table: Table) -> str:
    """The method with its class, if the object is of one that had it and has it no more."""
    classes = table.methods[node.attr]
    owner = origins.class_of(node.value)
    if owner in classes:
        return f"{owner}.{node.attr}"
    if "keras.models.Sequential" in classes and (owner in _KERAS_MODELS or _is_only_of_keras(node, owner, origins)):
        return f"keras.models.Sequential.{node.attr}"
    return ""


def _is_only_of_keras(node: ast.Attribute, owner: str, origins: Origins) -> bool:
    """Whether the method is of a Keras model, though nothing says so but its name."""
    if node.attr not in _ONLY_OF_KERAS or owner or origins.defines(node.attr) or not isinstance(node.value, ast.Name):
        return False
    return origins.makers_of(node.value.id) <= {"", "keras", "tensorflow"}


def _is_provided_for(notebook: Notebook, name: str) -> bool:
    """Whether a cell asks for the name before it uses it, or puts something in its place."""
    last = name.rpartition(".")[2]
    return any(
        last in cell.source and _PROVIDES.search(cell.source) and re.search(rf"[\"'][\w.]*\b{last}[\"']", cell.source)
        for cell in notebook.cells
        if cell.is_python
    )


def _certain_calls(notebook: Notebook) -> Iterator[tuple[Cell, Call]]:
    """The calls that run in any case."""
    return ((cell, call) for cell in notebook.cells for call in cell.facts.calls if not call.guarded)


def _keywords(notebook: Notebook, names: Set[str]) -> Iterator[tuple[Cell, Call, ast.keyword]]:
    """The arguments with one of these names, and the calls that they are in."""
    for cell, call in _certain_calls(notebook) if names else ():
        for keyword in call.node.keywords:
            if keyword.arg in names:
                yield cell, call, keyword


def _whole_name(call: Call, origins: Origins) -> str:
    """What is called, as far as it can be told; the names of other things begin with ``()``."""
    name = origins.full_name(call.name)
    return name if name and not origins.is_rebound(call.name) else f"().{call.name}"


def _find_argument(name: str, argument: str, tables: Mapping[str, Table]) -> tuple[Table, str] | None:
    """The table in which an argument of a function is gone, and what to write instead."""
    for path in dict.fromkeys((name, canonical_class(name))):
        table = tables.get(path.partition(".")[0])
        if table and argument in table.arguments.get(path, ()):
            return table, table.instead.get(f"{path}({argument}=)", "")
    for table in tables.values():
        for entry in table.entries:
            if entry.argument == argument and not entry.values and entry.call.fullmatch(canonical_class(name)):
                return table, entry.instead
    return None


def _argument(call: ast.Call, entry: Entry) -> ast.Constant | None:
    """The text that is passed for the entry's argument, if it is one that is gone."""
    found = [keyword.value for keyword in call.keywords if keyword.arg == entry.argument]
    if not found and 0 <= entry.position < len(call.args):
        found = [call.args[entry.position]]
    for value in found:
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value in entry.values:
            return value
    return None
