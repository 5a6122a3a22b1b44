"""What the names of a notebook stand for: which library an alias is of, and of which class an object is."""

import ast
from functools import cached_property

from colab_starter.notebook.model import Notebook
from colab_starter.notebook.python import dotted_name

_KERAS_NAMES = {
    "keras.Sequential": "keras.models.Sequential",
    "keras.models.Model": "keras.Model",
    "keras.models.load_model": "keras.Model",
    "keras.models.clone_model": "keras.Model",
    "keras.saving.load_model": "keras.Model",
}
_MAKES = {
    **{
        f"pandas.{name}": "pandas.DataFrame"
        for name in """
            read_csv read_table read_excel read_parquet read_feather read_pickle read_sql read_sql_query read_stata
            read_fwf read_hdf concat merge get_dummies crosstab pivot_table json_normalize
        """.split()
    },
    "pandas.date_range": "pandas.DatetimeIndex",
    "pandas.to_numeric": "pandas.Series",
    "PIL.ImageDraw.Draw": "PIL.ImageDraw.ImageDraw",
    "PIL.ImageFont.truetype": "PIL.ImageFont.FreeTypeFont",
    **_KERAS_NAMES,
}
"""What functions return. ``read_json`` and the like are missing, because it depends on their arguments."""
_SAME = {
    "pandas.DataFrame": frozenset(
        """
        append assign astype copy drop drop_duplicates dropna ffill fillna head join merge query rename replace
        reset_index round sample set_index sort_index sort_values tail
    """.split()
    ),
    "sklearn": frozenset(("fit", "set_params")),
}
"""Methods that return an object of the same class, by class or library."""
_DEPTH = 6
"""How many assignments and calls are followed."""


class Origins:
    """The imports and assignments of one notebook."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self.aliases: dict[str, str] = {}
        """A name -> what it was imported from; names that are imported from different places are left out."""
        found: dict[str, set[str]] = {}
        for _, one in notebook.imports:
            origin = f"{one.module}.{one.name}" if one.name else one.module
            if not one.name and one.alias == one.module.partition(".")[0]:
                origin = one.alias
            found.setdefault(one.alias, set()).add(origin)
        self.aliases = {alias: origins.pop() for alias, origins in found.items() if len(origins) == 1}

    def full_name(self, name: str) -> str:
        """``tensorflow.Session`` for ``tf.Session``; empty where the first part is not a plain import."""
        first, dot, rest = name.partition(".")
        origin = self.aliases.get(first)
        return f"{origin}{dot}{rest}" if origin else ""

    def is_rebound(self, name: str) -> bool:
        """Whether the notebook gives the first part of the name another value somewhere, or the name itself one."""
        return name.partition(".")[0] in self._bindings or name in self._assigned

    def defines(self, name: str) -> bool:
        """Whether the notebook has a function, class or variable of that name."""
        return name in self._bindings

    def makers_of(self, name: str) -> set[str]:
        """The libraries whose functions return what the name is given; an empty text for what has no library."""
        calls = [value for value in self._bindings.get(name, []) if isinstance(value, ast.Call)]
        return {self.full_name(dotted_name(call.func)).partition(".")[0] for call in calls}

    @cached_property
    def _assigned(self) -> set[str]:
        return {name for cell in self._notebook.cells for name in cell.facts.assigned}

    @cached_property
    def _bindings(self) -> dict[str, list[ast.expr | None]]:
        """The values that names get; None for what cannot be told, such as a parameter."""
        found: dict[str, list[ast.expr | None]] = {}
        for name, value in (binding for cell in self._notebook.cells for binding in cell.facts.bindings):
            found.setdefault(name, []).append(value)
        return found

    def class_of(self, node: ast.expr, depth: int = _DEPTH) -> str:
        """The class of an object, such as ``pandas.DataFrame``; empty where it cannot be told."""
        if not depth:
            return ""
        if isinstance(node, ast.Name):
            return self._class_of_name(node.id, depth - 1)
        if not isinstance(node, ast.Call):
            return ""
        name = self.full_name(dotted_name(node.func))
        if name:
            return canonical_class(name) if self._is_class(name) else ""
        if isinstance(node.func, ast.Attribute):
            owner = self.class_of(node.func.value, depth - 1)
            same = _SAME.get(owner) or _SAME.get(owner.partition(".")[0], frozenset())
            return owner if node.func.attr in same else ""
        return ""

    def _class_of_name(self, name: str, depth: int) -> str:
        values = self._bindings.get(name, [])
        if name in self.aliases or not values:
            return ""
        found = set()
        for value in values:
            if value is None:
                return ""
            if not _is_changed_by_itself(value, name):
                found.add(self.class_of(value, depth))
        if len(found) != 1:
            return ""
        (owner,) = found
        same = _SAME.get(owner) or _SAME.get(owner.partition(".")[0], frozenset())
        changes = [value for value in values if value is not None and _is_changed_by_itself(value, name)]
        return owner if all(_methods_of(value) <= same for value in changes) else ""

    @staticmethod
    def _is_class(name: str) -> bool:
        return name.rpartition(".")[2][:1].isupper() or _bare(name) in _MAKES


def canonical_class(name: str) -> str:
    """One name for what has several: Keras inside and outside TensorFlow, and what functions return."""
    bare = _bare(name)
    return _MAKES.get(bare, bare)


def _bare(name: str) -> str:
    return name.removeprefix("tensorflow.") if name.startswith("tensorflow.keras.") else name


def _is_changed_by_itself(value: ast.expr, name: str) -> bool:
    """Is this the value of ``df = df.append(...)``?"""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        value = value.func.value
    return isinstance(value, ast.Name) and value.id == name


def _methods_of(value: ast.expr) -> set[str]:
    found = set()
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        found.add(value.func.attr)
        value = value.func.value
    return found
