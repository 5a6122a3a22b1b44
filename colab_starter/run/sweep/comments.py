"""The comments after parameters: help, and the forms that Colab makes from ``# @param``."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from colab_starter.notebook.python import NOT_LITERAL, read_literal
from colab_starter.notebook.syntax import parse_python
from colab_starter.run.sweep.types import ANYTHING, NoDefault, ValueType, join_types

_TYPE_COMMENT = re.compile(r"type:\s*(?!ignore)(?P<annotation>\S+)\s*(?P<help>.*)")
_DIRECTIVE = re.compile(r"(?:noqa|type:\s*ignore|fmt:|pylint:|pyright:|ruff:)")
_COLAB_FORM = re.compile(
    r"""@param\b\s*(?P<options>\[(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\]"'])*\])?\s*(?P<settings>\{[^}]*\})?"""
)
_BARE_KEY = re.compile(r"([{,]\s*)([A-Za-z_][\w-]*)\s*:")


@dataclass(frozen=True)
class ParameterComment:
    """What the comment after a parameter says."""

    help: str = ""
    annotation: str = ""
    """The type in an old-style type comment, ``# type: int``."""
    options: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_comments(python: str) -> dict[int, str]:
    """The comment of each line, without its ``#``."""
    found = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(python).readline):
            if token.type == tokenize.COMMENT:
                found[token.start[0]] = token.string.lstrip("#").strip()
    except (tokenize.TokenError, SyntaxError):
        pass  # the syntax tree is what counts; comments are optional
    return found


def read_comment(comment: str) -> ParameterComment:
    if _DIRECTIVE.match(comment):
        return ParameterComment()
    if typed := _TYPE_COMMENT.fullmatch(comment):
        return ParameterComment(typed["help"], typed["annotation"])
    colab = _COLAB_FORM.search(comment)
    if not colab:
        return ParameterComment(comment)
    options = _read_json(colab["options"] or "[]")
    settings = _read_json(_BARE_KEY.sub(r'\1"\2":', colab["settings"] or "{}"))
    rest = f"{comment[: colab.start()]} {comment[colab.end() :]}".strip(" #")
    known = settings if isinstance(settings, dict) else {}
    return ParameterComment(
        help=" ".join(filter(None, [rest, _tell_bounds(known)])),
        options=tuple(options) if isinstance(options, list) else (),
        settings=known,
    )


def _read_json(text: str) -> Any:
    """The value of a JavaScript or Python literal; NOT_LITERAL if it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        parsed = parse_python(text)
        first = parsed.body[0] if isinstance(parsed, ast.Module) and parsed.body else None
        return read_literal(first.value) if isinstance(first, ast.Expr) else NOT_LITERAL


def _tell_bounds(settings: dict[str, Any]) -> str:
    if "min" in settings and "max" in settings:
        return f"({settings['min']} to {settings['max']})"
    return ""


def type_of_form(form: ParameterComment, from_values: ValueType, default: Any) -> ValueType:
    """The values that Colab's form lets its users enter."""
    if form.options:
        return _type_of_options(form, from_values, default)
    kind = form.settings.get("type")
    if kind in _FORM_TYPES:
        named = _FORM_TYPES[kind]
        return join_types([named, ValueType((NoneType,))]) if default is None else named
    if kind in ("number", "slider") and from_values.kinds == (int,):
        whole = kind == "slider" and isinstance(form.settings.get("step", 1), int)
        return from_values if whole else ValueType((int, float))
    if kind == "raw":
        return ANYTHING
    return from_values


_FORM_TYPES = {
    "integer": ValueType((int,)),
    "boolean": ValueType((bool,)),
    "string": ValueType((str,)),
    "date": ValueType((str,)),
}


def _type_of_options(form: ParameterComment, from_values: ValueType, default: Any) -> ValueType:
    if form.settings.get("allow-input"):
        return from_values
    options = list(form.options)
    if form.settings.get("type") == "raw" or from_values.kinds not in ((str,), ()):
        options = [_read_json(option) if isinstance(option, str) else option for option in options]
        if NOT_LITERAL in options:
            return ANYTHING if form.settings.get("type") == "raw" else from_values
    if not isinstance(default, NoDefault) and default not in options:
        options.append(default)
    return ValueType(choices=tuple(options))
