"""Python's syntax from 3.12 to 3.14, for a parser that may be older or newer than the Python that will run a cell.

``parse_python`` reads all of it under any Python: what the running one does not know is first written in the syntax of
Python 3.11. ``newer_syntax`` tells what a given version does not know.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

NEWEST = (3, 14)
"""The newest Python whose syntax is known here."""

Version = tuple[int, int]


class Feature(NamedTuple):
    """A piece of newer syntax."""

    since: Version
    name: str
    """Such as ``t-strings``; what it is, in the plural."""
    line: int
    """Counted from 1."""


class _Token(NamedTuple):
    kind: str
    """``name``, ``string``, ``newline``, ``open``, ``close`` or ``other``; comments and spaces are none."""
    start: int
    end: int
    text: str
    """Of a string the prefix, in lower case."""
    fields: tuple["_Field", ...] = ()
    """Of an f-string or t-string."""
    depth: int = 0
    """How many brackets are open before it."""


class _Field(NamedTuple):
    """What stands between braces in an f-string."""

    start: int
    end: int
    """Where the expression ends; what follows is the conversion or the format."""
    is_new: bool
    """Python 3.11 would not read it."""


class _Replacement(NamedTuple):
    start: int
    end: int
    text: str


_LEXEME = re.compile(
    r"""(?P<space>[ \t\f]+|\#[^\n]*|\\\r?\n)
    |(?P<prefix>[A-Za-z]{0,2})(?P<quote>'''|\"\"\"|'|")
    |(?P<name>[^\W\d]\w*)|(?P<number>\d\w*)|(?P<newline>\n)|(?P<open>[\[({])|(?P<close>[\])}])|(?P<other>.)""",
    re.VERBOSE,
)
_TYPE_PARAMETER = re.compile(r"\s*(?:[^\W\d]\w*\s*(?:[:=]|$)|\*{1,2}\s*[^\W\d]\w*\s*(?:=|$)|$)")
_COMPARES = ("=", "!", "<", ">")
_PREFIXES = frozenset(("", "r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt"))
_PLAIN_END = {
    quote: re.compile(rf"(?:[^\\{quote[0]}]|\\.|{quote[0]}(?!{quote[0] * 2}))*{quote}", re.DOTALL)
    for quote in ("'''", '"""')
} | {quote: re.compile(rf"(?:[^\\{quote}\n]|\\.)*{quote}", re.DOTALL) for quote in "'\""}
_TEMPLATES = (r"[tT](?:(?<![\w\"'\\].)[rR]?|(?<=[^\w\"'\\][rR].)|(?<=\A[rR].))[\"']",)
_FORMATTED = (r"[fF](?<![\w\"'\\].)[rR]?[\"']", r"[rR](?<![\w\"'\\].)[fF][\"']")
_BARE_EXCEPT = (r"except\b[^:\n(]*(?:\([^()\n]*\)[^:\n(]*)*,",)
_TYPED = (r"type[ \t]+\w", r"def[ \t]+\w+[ \t]*\[", r"class[ \t]+\w+[ \t]*\[")
_MAY_BE_NEWER_THAN = {
    (3, 13): list(map(re.compile, (*_TEMPLATES, *_BARE_EXCEPT))),
    (3, 12): list(map(re.compile, (*_TEMPLATES, *_BARE_EXCEPT, *_TYPED))),
    (3, 11): list(map(re.compile, (*_TEMPLATES, *_BARE_EXCEPT, *_TYPED, *_FORMATTED))),
}
"""What a cell must hold to have syntax that this version does not know; each begins with a letter, to be quick."""


class _NotReadError(Exception):
    """The text is no Python of any version, as far as strings go."""


def parse_python(source: str) -> ast.Module | SyntaxError:
    """The tree of a cell's Python, where ``await`` may stand outside functions, or the error that Colab would raise.

    It reads the syntax of Python 3.11 to NEWEST, whichever Python runs it.
    """
    tree = _parse(source)
    if isinstance(tree, SyntaxError) and _may_be_newer(source, (3, 11)):
        older, _ = _write_older(source)
        if older != source:
            return _parse(older)
    return tree


def _parse(source: str) -> ast.Module | SyntaxError:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError as error:
            return error
        except ValueError as problem:
            return SyntaxError(str(problem))
        except (RecursionError, MemoryError):
            return ast.Module([], [])


def _may_be_newer(source: str, python: Version) -> bool:
    """Cheaply: may it have syntax that this version does not know?"""
    return any(part.search(source) for part in _MAY_BE_NEWER_THAN[python])


def newer_syntax(source: str, python: Version) -> Feature | None:
    """The newest syntax in a text of Python, if this version (3.11 at least) does not know it yet."""
    if python >= NEWEST or not _may_be_newer(source, max(python, (3, 11))):
        return None
    _, features = _write_older(source)
    unknown = [feature for feature in features if feature.since > python]
    return max(unknown, key=lambda feature: feature.since, default=None)


def _write_older(source: str) -> tuple[str, list[Feature]]:
    """The text in the syntax of Python 3.11, line by line, and the newer syntax that it had."""
    try:
        tokens = list(_read_tokens(source, 0, len(source), 0))
    except (_NotReadError, RecursionError):
        return source, []
    features: list[Feature] = []
    made = [*_older_strings(source, tokens, features), *_older_statements(source, tokens, features)]
    features.sort(key=lambda feature: feature.line)
    return _replace(source, made, 0, len(source)), features


class StringToken(NamedTuple):
    """A string as it is written; those in the braces of an f-string are parts of it, and none of their own."""

    start: int
    end: int
    prefix: str
    """In lower case: ``f``, ``rb``, or nothing."""
    is_joined: bool
    """Another string stands before it, with nothing between."""


def find_strings(source: str) -> list[StringToken]:
    """The strings of a text of Python, of whatever version; none where they cannot be told."""
    try:
        tokens = list(_read_tokens(source, 0, len(source), 0))
    except (_NotReadError, RecursionError):
        return []
    before = [None, *tokens]
    return [
        StringToken(token.start, token.end, token.text, previous is not None and previous.kind == "string")
        for previous, token in zip(before, tokens, strict=False)
        if token.kind == "string"
    ]


def _replace(source: str, replacements: list[_Replacement], start: int, end: int) -> str:
    parts = []
    for found in sorted(replacements):
        if found.start >= start:
            parts += [source[start : found.start], found.text]
            start = found.end
    return "".join(parts) + source[start:end]


def _read_tokens(source: str, position: int, end: int, depth: int) -> Iterator[_Token]:
    while position < end:
        found = _LEXEME.match(source, position)
        if not found:
            raise _NotReadError
        kind = str(found.lastgroup)
        start, position = position, found.end()
        if kind == "quote":
            prefix = found["prefix"].lower()
            if prefix not in _PREFIXES:
                yield _Token("name", start, found.start("quote"), found["prefix"], depth=depth)
                start, prefix = found.start("quote"), ""
            fields, position = _read_string(source, position, prefix, found["quote"])
            yield _Token("string", start, position, prefix, tuple(fields), depth)
        elif kind != "space" and not (kind == "newline" and depth):
            yield _Token(kind, start, position, found[0], depth=depth)
            depth = max(0, depth + (kind == "open") - (kind == "close"))


def _read_string(source: str, position: int, prefix: str, quote: str) -> tuple[list[_Field], int]:
    """The fields of a string whose text begins here, and where it ends."""
    if "f" not in prefix and "t" not in prefix:
        found = _PLAIN_END[quote].match(source, position)
        if not found:
            raise _NotReadError
        return [], found.end()
    fields: list[_Field] = []
    while not source.startswith(quote, position):
        position = _read_part(source, position, prefix, quote, fields)
    return fields, position + len(quote)


def _read_part(
    source: str, position: int, prefix: str, quote: str, fields: list[_Field], in_format: bool = False
) -> int:
    """Where a character or a field of an f-string ends."""
    sign = source[position : position + 1]
    if not sign or (sign == "\n" and len(quote) == 1):
        raise _NotReadError
    if sign == "\\":
        following = source[position + 1 : position + 3]
        if following == "N{" and "r" not in prefix:
            return source.find("}", position) + 1 or len(source)
        return position + (1 if following[:1] in "{}" else 2)
    if sign in "{}" and source.startswith(sign * 2, position) and not in_format:
        return position + 2
    if sign == "{":
        return _read_field(source, position + 1, prefix, quote, fields)
    if sign == "}":
        raise _NotReadError
    return position + 1


def _read_field(source: str, start: int, prefix: str, quote: str, fields: list[_Field]) -> int:
    """Where a field ends, behind its brace; ``start`` is behind the other."""
    end = position = _end_of_expression(source, start)
    if source.startswith("=", position):
        position = _skip_space(source, position + 1)
    if not re.sub(r"#[^\n]*", "", source[start:end]).strip():
        raise _NotReadError
    if source.startswith("!", position):
        found = re.compile(r"![rsa]\s*(?=[:}])").match(source, position)
        if not found:
            raise _NotReadError
        position = found.end()
    inner: list[_Field] = []
    if source.startswith(":", position):
        position += 1
        while not source.startswith("}", position):
            if source.startswith(quote, position):
                raise _NotReadError
            position = _read_part(source, position, prefix, quote, inner, in_format=True)
    if not source.startswith("}", position):
        raise _NotReadError
    fields += [_Field(start, end, _is_new_field(source, start, end, quote)), *inner]
    return position + 1


def _end_of_expression(source: str, start: int) -> int:
    """Where the expression of a field ends: at ``}``, a colon, a conversion, or the sign of equality before these."""
    previous = ""
    for token in _read_tokens(source, start, len(source), 0):
        text = token.text if token.kind in ("other", "close") else ""
        following = source[token.end : token.end + 1]
        if token.depth == 0 and (
            (token.kind == "close" and text == "}")
            or text == ":"
            or (text == "!" and following != "=")
            or (text == "=" and previous not in _COMPARES and source[_skip_space(source, token.end)] in "!:}")
        ):
            return token.start
        previous = text
    raise _NotReadError


def _skip_space(source: str, position: int) -> int:
    while source[position : position + 1].isspace():
        position += 1
    if position >= len(source):
        raise _NotReadError
    return position


def _is_new_field(source: str, start: int, end: int, quote: str) -> bool:
    text = source[start:end]
    if text.lstrip().startswith("*") or "\\" in text or quote in text or ("\n" in text and len(quote) == 1):
        return True
    # In a nested string, a sign of comment is only a sign.
    if "#" in text and "#" in re.sub(r"'[^']*'|\"[^\"]*\"", "", text):
        return True
    return any(field.is_new for token in _read_tokens(source, start, end, 0) for field in token.fields)


def _older_strings(source: str, tokens: list[_Token], features: list[Feature]) -> Iterator[_Replacement]:
    """f-strings and t-strings as sums of what stands in their braces, with all the strings beside them."""
    index = 0
    while index < len(tokens):
        group = []
        while index < len(tokens) and tokens[index].kind == "string":
            group.append(tokens[index])
            index += 1
        index += not group
        newer = [token for token in group if "t" in token.text or any(field.is_new for field in token.fields)]
        for token in newer:
            is_template = "t" in token.text
            since, name = ((3, 14), "t-strings") if is_template else ((3, 12), "f-strings like this one")
            features.append(Feature(since, name, source.count("\n", 0, token.start) + 1))
        kinds = {"t" if "t" in token.text else "b" if "b" in token.text else "s" for token in group}
        if newer and len(kinds) == 1:
            yield _Replacement(group[0].start, group[-1].end, _sum_of(source, group, group[0].start, group[-1].end))


def _sum_of(source: str, group: list[_Token], start: int, end: int) -> str:
    """``(""+(a)+(b))`` with as many line breaks as the strings have, each expression in its line."""
    parts = ['(""']
    position = start
    for field in (field for token in group for field in token.fields):
        tokens = list(_read_tokens(source, field.start, field.end, 0))
        nested = _replace(source, list(_older_strings(source, tokens, [])), field.start, field.end)
        parts += [
            "\n" * source.count("\n", position, field.start),
            "+(",
            nested,
            ",)" if nested.lstrip().startswith("*") else ")",
        ]
        position = field.end
    return "".join([*parts, "\n" * source.count("\n", position, end), ")"])


def _older_statements(source: str, tokens: list[_Token], features: list[Feature]) -> Iterator[_Replacement]:
    """``type`` statements, parameters of types, and ``except`` without parentheses."""
    starts = True
    for index, token in enumerate(tokens):
        if token.kind == "name" and token.depth == 0:
            if starts and token.text == "type":
                yield from _older_alias(source, tokens[index : index + 3], tokens[index + 2 :], features)
            elif token.text in ("def", "class"):
                yield from _older_parameters(source, tokens[index + 2 :], features)
            elif starts and token.text == "except":
                yield from _older_except(source, tokens[index + 1 :], features)
        starts = token.kind == "newline" or token.text in (";", ":")


def _older_alias(
    source: str, head: list[_Token], rest: list[_Token], features: list[Feature]
) -> Iterator[_Replacement]:
    if len(head) < 3 or head[1].kind != "name" or head[2].text not in ("=", "["):
        return
    closing = _closing(rest) if head[2].text == "[" else None
    if head[2].text == "[" and (not closing or not source[closing.end :].lstrip(" \t").startswith("=")):
        return
    features.append(Feature((3, 12), "type statements", _line_of(source, head[0])))
    yield _Replacement(head[0].start, head[1].start, "")
    yield from _older_parameters(source, rest, features)


def _older_parameters(source: str, rest: list[_Token], features: list[Feature]) -> Iterator[_Replacement]:
    closing = _closing(rest) if rest and rest[0].text == "[" else None
    if not closing:
        return
    inside = rest[1 : rest.index(closing)]
    has_default = any(token.text == "=" and token.depth == rest[0].depth + 1 for token in inside)
    since, name = ((3, 13), "defaults of type parameters") if has_default else ((3, 12), "type parameters")
    features.append(Feature(since, name, _line_of(source, rest[0])))
    names = source[rest[0].end : closing.start].split(",") if not any(map(_is_bracket, inside)) else []
    if inside and all(_TYPE_PARAMETER.match(name) for name in names):
        text = "\\\n" * source.count("\n", rest[0].start, closing.end)
        yield _Replacement(rest[0].start, closing.end, text)


def _older_except(source: str, rest: list[_Token], features: list[Feature]) -> Iterator[_Replacement]:
    end = next((index for index, token in enumerate(rest) if token.text == ":" and token.depth == 0), 0)
    head = rest[:end]
    is_group = bool(head) and head[0].text == "*"
    flat = [token.text for token in head[is_group:] if token.depth == 0]
    if "," in flat and "as" not in flat and not any(token.kind == "newline" for token in head):
        features.append(Feature((3, 14), "except clauses without parentheses", _line_of(source, head[0])))
        start, stop = head[is_group].start, head[-1].end
        yield _Replacement(start, stop, f"({source[start:stop]})")


def _is_bracket(token: _Token) -> bool:
    return token.kind in ("open", "close")


def _closing(tokens: list[_Token]) -> _Token | None:
    """The bracket that closes the first token."""
    depth = tokens[0].depth
    return next((token for token in tokens if token.kind == "close" and token.depth == depth + 1), None)


def _line_of(source: str, token: _Token) -> int:
    return source.count("\n", 0, token.start) + 1
