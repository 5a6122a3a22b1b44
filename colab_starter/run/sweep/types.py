"""The values that a parameter takes, and reading what a user wrote as one of them."""

import ast
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Any

from colab_starter.errors import ParameterError
from colab_starter.notebook.python import NOT_LITERAL, dotted_name, read_literal
from colab_starter.notebook.syntax import parse_python
from colab_starter.run.literals import to_source


@dataclass(frozen=True)
class Text:
    """A value as the user wrote it, before it has a type."""

    text: str
    quoted: bool = False
    """Whether it was in quotes, so that it can only be a string."""


Written = Text | list[Any] | dict[Any, Any] | None
"""A Text, a list or dict of Written, or YAML's null."""


class NoDefault(Enum):
    """Why a parameter has no default value."""

    COMPUTED = "computed"
    """The default is known only when the cell runs."""
    MISSING = "missing"
    """There is only a type, ``n: int``: every run must give the value."""


@dataclass(frozen=True)
class ValueType:
    """The types and single values that a parameter takes; if both are empty, it takes anything."""

    kinds: tuple[type, ...] = ()
    choices: tuple[Any, ...] = ()

    def __str__(self) -> str:
        names = [to_source(choice) for choice in self.choices]
        names += ["None" if kind is NoneType else kind.__name__ for kind in self.kinds]
        return " | ".join(names) or "any"

    @property
    def takes_texts(self) -> bool:
        return str in self.kinds or any(isinstance(choice, str) for choice in self.choices)

    def read(self, written: Written) -> Any:
        """The value that was written; raises ParameterError, whose message continues the parameter's name."""
        if not self.kinds and not self.choices:
            return _read_untyped(written)
        for choice in self.choices:
            if _is_choice(written, choice):
                return choice
        value = _read_text(written, self.kinds) if isinstance(written, Text) else _fit(_plain(written), self.kinds)
        if value is NOT_LITERAL:
            raise ParameterError(_explain_misfit(written, self))
        return value


ANYTHING = ValueType()

_CONTAINERS: tuple[type, ...] = (list, tuple, dict, set, frozenset)
_KINDS: tuple[type, ...] = (NoneType, bool, int, float, complex, bytes, *_CONTAINERS, str)
"""In the order in which a text is tried as each: any text can be a str."""

_ANNOTATIONS: dict[str, tuple[type, ...]] = {
    **{kind.__name__: (kind,) for kind in _KINDS},
    **{kind.__name__.capitalize(): (kind,) for kind in (list, tuple, dict, set)},
    "FrozenSet": (frozenset,),
    "None": (NoneType,),
    **dict.fromkeys(("Sequence", "MutableSequence", "Iterable", "Collection"), (list, tuple)),
    **dict.fromkeys(("Mapping", "MutableMapping"), (dict,)),
}
_TRANSPARENT = ("Final", "Annotated", "ClassVar")

_NONES = ("None", "null")
_BOOLS = {"true": True, "false": False}
_YAML_BOOLS = {"yes": True, "no": False, "on": True, "off": False}
_YAML_FLOATS = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
_CONSTANTS = {**dict.fromkeys(_NONES), "true": True, "True": True, "false": False, "False": False, **_YAML_FLOATS}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def type_of_value(value: Any) -> ValueType:
    """The type of a literal; None implies nothing about other values."""
    return ANYTHING if value is None or type(value) not in _KINDS else ValueType((type(value),))


def type_of_expression(node: ast.expr) -> ValueType:
    """The type of a computed value, if its form alone determines it; nothing is evaluated."""
    value = read_literal(node)
    if value is not NOT_LITERAL:
        return type_of_value(value)
    kind = _kind_of(node)
    return ValueType((kind,)) if kind else ANYTHING


def _kind_of(node: ast.expr) -> type | None:
    displays = {ast.JoinedStr: str, ast.List: list, ast.ListComp: list, ast.Tuple: tuple, ast.Dict: dict}
    if type(node) in displays:
        return displays[type(node)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return next((kind for kind in _KINDS if kind.__name__ == node.func.id), None)
    if isinstance(node, ast.UnaryOp):
        return bool if isinstance(node.op, ast.Not) else _kind_of(node.operand)
    if isinstance(node, ast.BinOp):
        return _kind_of_arithmetic(node)
    value = read_literal(node)
    return type(value) if type(value) in (int, float) else None


def _kind_of_arithmetic(node: ast.BinOp) -> type | None:
    kinds = {_kind_of(node.left), _kind_of(node.right)}
    if not kinds <= {int, float}:
        return None
    if isinstance(node.op, ast.Pow) and not isinstance(node.right, ast.Constant):
        return float  # 10 ** -3
    return float if float in kinds or isinstance(node.op, ast.Div) else int


def join_types(types: Iterable[ValueType]) -> ValueType:
    """The union of the types; anything, if one of them takes anything."""
    known = list(types)
    if not known or ANYTHING in known:
        return ANYTHING
    kinds = dict.fromkeys(kind for one in known for kind in one.kinds)
    choices = [choice for one in known for choice in one.choices]
    return ValueType(tuple(kinds), tuple(choices))


def type_of_annotation(node: ast.expr) -> ValueType | None:
    """The type that an annotation names: ANYTHING if it is not a type of literals, None for a bare ``Final``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        parsed = parse_python(node.value.strip())
        inner = parsed.body[0] if isinstance(parsed, ast.Module) and len(parsed.body) == 1 else None
        return type_of_annotation(inner.value) if isinstance(inner, ast.Expr) else ANYTHING
    if isinstance(node, ast.Constant) and node.value is None:
        return ValueType((NoneType,))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _join_annotations([node.left, node.right])
    if isinstance(node, ast.Subscript):
        return _type_of_subscript(_last_name(node.value), node.slice)
    name = _last_name(node)
    if name in _TRANSPARENT:
        return None
    return ValueType(_ANNOTATIONS[name]) if name in _ANNOTATIONS else ANYTHING


def _type_of_subscript(name: str, inside: ast.expr) -> ValueType | None:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if name == "Literal":
        values = [read_literal(part) for part in parts]
        return ANYTHING if NOT_LITERAL in values else ValueType(choices=tuple(values))
    if name == "Union":
        return _join_annotations(parts)
    if name == "Optional":
        return join_types([_join_annotations(parts), ValueType((NoneType,))])
    if name in _TRANSPARENT:
        return type_of_annotation(parts[0])
    return ValueType(_ANNOTATIONS[name]) if name in _ANNOTATIONS else ANYTHING


def _join_annotations(nodes: list[ast.expr]) -> ValueType:
    return join_types(type_of_annotation(node) or ANYTHING for node in nodes)


def _last_name(node: ast.expr) -> str:
    return dotted_name(node).rpartition(".")[2]


def _is_choice(written: Written, choice: Any) -> bool:
    if isinstance(choice, str):
        return isinstance(written, Text) and written.text == choice
    if not isinstance(written, Text):
        return written is None and choice is None
    value = _read_text(written, (type(choice),))
    return value is not NOT_LITERAL and value == choice


def _read_text(written: Text, kinds: tuple[type, ...]) -> Any:
    """The text as the first of the kinds that it fits; NOT_LITERAL if it fits none."""
    if written.quoted:
        return written.text if str in kinds else NOT_LITERAL
    text = written.text.strip()
    for kind in _KINDS:
        if kind in kinds:
            value = written.text if kind is str else _read_kind(text, kind)
            if value is not NOT_LITERAL:
                return value
            if kind is bool and str not in kinds and text.lower() in _YAML_BOOLS:
                return _YAML_BOOLS[text.lower()]
    return NOT_LITERAL


def _read_kind(text: str, kind: type) -> Any:
    if kind in _CONTAINERS or kind is bytes:
        return _fit(_read_python(text), (kind,))
    try:
        return _SCALARS[kind](text)
    except (ValueError, KeyError):
        return NOT_LITERAL


def _read_none(text: str) -> None:
    if text not in _NONES:
        raise ValueError


def _read_float(text: str) -> float:
    if text.lower() in _YAML_FLOATS:
        return _YAML_FLOATS[text.lower()]
    value = float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError
    return value


_SCALARS: dict[type, Callable[[str], Any]] = {
    NoneType: _read_none,
    bool: lambda text: _BOOLS[text.lower()],
    int: int,
    float: _read_float,
    complex: complex,
}


def _read_python(text: str) -> Any:
    """The value of a Python literal; NOT_LITERAL for any other text, and for a literal followed by a comment."""
    tree = parse_python(text)
    if not isinstance(tree, ast.Module) or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return NOT_LITERAL
    if "#" in text and not isinstance(parse_python(f"({text})"), ast.Module):
        return NOT_LITERAL
    value = read_literal(tree.body[0].value)
    return NOT_LITERAL if isinstance(value, float) and math.isinf(value) else value


def _read_untyped(written: Written) -> Any:
    if not isinstance(written, Text):
        return _plain(written)
    if written.quoted:
        return written.text
    text = written.text.strip()
    if text.lower() in _YAML_FLOATS or text in _CONSTANTS:
        return _CONSTANTS.get(text, _YAML_FLOATS.get(text.lower()))
    value = _read_python(text)
    return written.text if value is NOT_LITERAL else value


def _plain(written: Written) -> Any:
    """YAML's lists and dicts, with their items read as they look."""
    if isinstance(written, list):
        return [_read_untyped(item) for item in written]
    if isinstance(written, dict):
        return {_read_untyped(key): _read_untyped(item) for key, item in written.items()}
    return written


def _fit(value: Any, kinds: tuple[type, ...]) -> Any:
    """The value as one of the kinds; a list may stand for a tuple or set, which YAML lacks, and a tuple for a list."""
    if value is NOT_LITERAL or type(value) in kinds:
        return value
    sequences = [kind for kind in (list, tuple, set, frozenset) if kind in kinds]
    if isinstance(value, list | tuple) and sequences:
        try:
            return sequences[0](value)
        except TypeError:
            return NOT_LITERAL
    return NOT_LITERAL


def _explain_misfit(written: Written, wanted: ValueType) -> str:
    shown = _show(written)
    if wanted.choices:
        return f"must be one of {wanted}, not {shown}"
    article = "an" if str(wanted)[0] in "aeiou" else "a"
    said = f"must be {article} {wanted}, not {shown}"
    if isinstance(written, Text):
        return said + _hint(written, wanted)
    if isinstance(written, list):
        return f"{said}; to try several values, list them under grid:"
    if written is None and str in wanted.kinds:
        return f"{said}; write '' for an empty text, 'null' for that text"
    return said


def _hint(written: Text, wanted: ValueType) -> str:
    if written.quoted:
        return "; remove its quotes"
    if float in wanted.kinds and _DECIMAL_COMMA.fullmatch(written.text.strip()):
        return "; use a decimal point"
    if bool in wanted.kinds:
        return "; write true or false"
    if any(kind in wanted.kinds for kind in _CONTAINERS):
        return "; write it as in Python, with texts in quotes"
    return ""


def _show(written: Written) -> str:
    if not isinstance(written, Text):
        return "null" if written is None else f"{_plain(written)!r:.60}"
    if written.quoted or not written.text.strip():
        return f"{written.text!r:.60}"
    return f"{ascii(written.text)[1:-1]:.60}" if not written.text.isprintable() else f"{written.text:.60}"
