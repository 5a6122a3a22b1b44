"""Replacing passages of Python code: comments, and the strings that are shown.

Whole strings and comments are replaced, so the code stays the same. The result does not depend on the version of
Python that makes the notebook.
"""

import ast
import re
import warnings
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import Passage, Replace, check_lines, check_placeholders, has_words
from colab_starter.bake.shown import ShownStrings
from colab_starter.bake.string_syntax import (
    Field,
    encode,
    evaluate,
    find_tokens,
    literal_text,
    read_fstring,
    split_fields,
    split_string,
    undouble,
)

_COMMENT = re.compile(r"(#[ \t]*(?:@title[ \t]+|@markdown[ \t]+)?)(.*)", re.DOTALL)
_NOT_PROSE = re.compile(r"[!%@]|-\*-|(?:noqa|type|fmt|pylint|pragma|ruff|mypy|isort)\s*:|noqa\b")
"""How the text of a comment begins that means something to a program."""

_NOT_SHOWN = re.compile(r"\S*[/\\_=<>]\S*|\S+\.\w+|\W*\w?\W*")
"""An address, a path, the name of a file or of a setting, a single letter."""

_CONVERSION = re.compile(r"(.*?)(\s*![rsa]\s*)?", re.DOTALL)


_COMMENT_KIND = "comment"


class _Span(NamedTuple):
    start: int
    end: int
    kind: str
    """``comment``, or the kind of a shown string."""


def replace_in_code(
    code: str, replace: Replace, *, comments_only: bool = False, used_elsewhere: Collection[str] = ()
) -> str:
    """The code with its passages replaced; code that is not valid Python is returned unchanged.

    ``comments_only`` is for code whose strings are values, such as parameters. ``used_elsewhere`` are the names that
    other code uses.
    """
    used_here = frozenset(identifiers(code).intersection(used_elsewhere))
    return _replace_spans(code, _find_spans(code, comments_only, used_here), replace)


def identifiers(code: str) -> set[str]:
    """All words in the code that can be names, those in comments and strings included."""
    return set(re.findall(r"[^\W\d]\w*", code))


def replace_in_comments(text: str, replace: Replace) -> str:
    """The lines of a text with those that are ``#`` comments replaced."""

    def renew(line: re.Match[str]) -> str:
        return line[1] + _replace_comment(line[2], replace)

    return re.sub(r"^([ \t]*)(#.*)$", renew, text, flags=re.MULTILINE)


def _parse(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes; whoever runs the code sees them
            return ast.parse(code)
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=2048)
def _find_spans(code: str, comments_only: bool, used_elsewhere: frozenset[str]) -> tuple[_Span, ...]:
    """The comments of the code and its shown strings; none if it is not valid Python.

    Kept, because the record of a project renders each of its notebooks once more.
    """
    tree = _parse(code)
    if tree is None:
        return ()
    magics = " ".join(re.findall(r"^[ \t]*#[ \t]*[!%].*", code, re.MULTILINE))
    shown = [] if comments_only else _place(ShownStrings(tree, {*used_elsewhere, *identifiers(magics)}), code)
    return tuple(_select_tokens(code, shown))


def _select_tokens(code: str, shown: list[_Span]) -> Iterator[_Span]:
    """The comments of the code, and its strings in the places that are shown."""
    for token in find_tokens(code):
        kinds = [span.kind for span in shown if span.start <= token.start < span.end]
        if token.is_comment or kinds:
            yield _Span(token.start, token.end, _COMMENT_KIND if token.is_comment else kinds[0])


def _place(shown: ShownStrings, code: str) -> list[_Span]:
    """Where the shown strings stand in the code."""
    lines = [0, *(match.end() for match in re.finditer("\n", code))]
    spans = []
    for node, kind in shown.kinds.items():
        start = _offset(code, lines, node.lineno, node.col_offset)
        spans.append(_Span(start, _offset(code, lines, node.end_lineno, node.end_col_offset), kind))
    return spans


def _offset(code: str, lines: list[int], row: int | None, byte: int | None) -> int:
    """Where a node begins or ends: its columns count bytes."""
    assert row is not None
    assert byte is not None
    start = lines[row - 1]
    line = code[start : start + byte]
    return start + (byte if line.isascii() else len(line.encode()[:byte].decode()))


def _replace_spans(code: str, spans: Iterable[_Span], replace: Replace) -> str:
    pieces, position = [], 0
    for start, end, kind in spans:
        source = code[start:end]
        is_comment = kind == _COMMENT_KIND
        new = _replace_comment(source, replace) if is_comment else _replace_string(source, kind, replace)
        pieces += [code[position:start], new]
        position = end
    return "".join(pieces) + code[position:]


def _replace_comment(source: str, replace: Replace) -> str:
    """A comment with its text replaced; forms' ``@param`` and what programs read stays."""
    before, text = _COMMENT.fullmatch(source).groups()  # type: ignore[union-attr]
    text = text.rstrip()
    is_title = "@title" in before
    if not has_words(text) or _NOT_PROSE.match(text) or (is_title and "{" in text):
        return source

    def fit(translation: str) -> str:
        check_lines(text, translation)
        check_placeholders(text, translation)
        if translation != translation.strip():
            raise TranslationError("it begins or ends with a space")
        if _NOT_PROSE.match(translation) or (is_title and "{" in translation):
            raise TranslationError("with '!', '%' or '@' at its beginning, or '{' in a title, it would be a command")
        return before + translation

    return replace(Passage("comment", text, fit)) or source


def _replace_string(source: str, kind: str, replace: Replace) -> str:
    prefix, quote, _ = split_string(source)
    letters = prefix.lower()
    if "b" in letters or "t" in letters:
        return source
    if "f" in letters:
        return _replace_fstring(source, kind, replace)
    text = evaluate(source)
    if text is None or not has_words(text) or _NOT_SHOWN.fullmatch(text):
        return source

    def fit(translation: str) -> str:
        check_lines(text, translation)
        _check_ends(text, translation)
        new = prefix + quote + encode(translation, quote, "r" in letters) + quote
        if evaluate(new) != translation:
            raise _unwritable(prefix, quote)
        return new

    return replace(Passage(kind, text, fit)) or source


def _replace_fstring(source: str, kind: str, replace: Replace) -> str:
    """An f-string is one passage, with its fields as they stand in the code; they may hold shown strings themselves."""
    string = read_fstring(source)
    if string is None:
        return source
    fields = [_replace_in_field(field, string.quote, kind, replace) for field in string.fields]
    unchanged = string.write(string.literals, fields)
    if not has_words(string.words) or _NOT_SHOWN.fullmatch(string.words):
        return unchanged

    def fit(translation: str) -> str:
        check_lines(string.text, translation)
        _check_ends(string.text, translation)
        split = split_fields(translation, names_characters=False)
        if split is None or [field.source for field in split[1]] != [field.source for field in string.fields]:
            wanted = " ".join(field.source for field in string.fields) or "none"
            raise TranslationError(f"its {{fields}} must be these, in this order: {wanted} (double all other braces)")
        literals = [encode(literal, string.quote, "r" in string.prefix.lower()) for literal in split[0]]
        new = string.write(literals, fields)
        if literal_text(new) != undouble("".join(split[0])):
            raise _unwritable(string.prefix, string.quote)
        return new

    return replace(Passage(kind, string.text, fit)) or unchanged


def _unwritable(prefix: str, quote: str) -> TranslationError:
    return TranslationError(f"it cannot be written as {prefix}{quote}…{quote}: leave out quotes and backslashes")


def _replace_in_field(field: Field, quote: str, kind: str, replace: Replace) -> str:
    """The field with the strings replaced that can be its value."""
    inner = field.source[1 : field.expression_end]
    expression = _CONVERSION.fullmatch(inner)[1]  # type: ignore[index]
    code = f"({expression})"
    tree = _parse(code)
    if tree is None or not isinstance(tree.body[0], ast.Expr):  # {name=}
        return field.source
    shown = ShownStrings(ast.Module([], []), ())
    shown.show_value(tree.body[0].value, kind)

    def replace_inside(passage: Passage) -> str | None:
        def fit(translation: str) -> str:
            new = passage.fit(translation)
            if "\\" in new or quote in new or "#" in new:
                raise TranslationError(f"inside the field {field.source}, a backslash, # or quotes are not possible")
            return new

        return replace(passage._replace(fit=fit))

    new = _replace_spans(code, _select_tokens(code, _place(shown, code)), replace_inside)
    return "{" + new[1:-1] + field.source[1 + len(expression) :]


def _check_ends(text: str, translation: str) -> None:
    for what, strip in (("begin", str.lstrip), ("end", str.rstrip)):
        if (strip(text) == text) != (strip(translation) == translation):
            raise TranslationError(f"it must {what} with a space or a line break if, and only if, the text does")
