"""Replacing passages of Python code: comments, and the strings that are shown.

Whole tokens are replaced, so the code stays the same. The result does not depend on the version of Python, although
an f-string is one token before Python 3.12 and several since.
"""

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Collection, Iterator
from typing import NamedTuple

from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import Passage, Replace, check_lines, has_words
from colab_starter.bake.shown import ShownStrings

_COMMENT = re.compile(r"(#[ \t]*(?:@title[ \t]+|@markdown[ \t]+)?)(.*)", re.DOTALL)
_NOT_PROSE = re.compile(r"[!%@]|-\*-|(?:noqa|type|fmt|pylint|pragma|ruff|mypy|isort)\s*:|noqa\b")
"""How the text of a comment begins that means something to a program."""

_STRING = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)
_NOT_SHOWN = re.compile(r"\w+://\S+|[^\s.]*[/\\_=.<>]\S*\w|\W*\w?\W*")
"""An address, a path, the name of a file or of a setting, a single letter."""

_CONVERSION = re.compile(r"(.*?)(\s*![rsa]\s*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TEXT_TOKENS = {"STRING", "COMMENT", "FSTRING_START", "FSTRING_END", "TSTRING_START", "TSTRING_END"}


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class _Field(NamedTuple):
    """A replacement field of an f-string: ``{expression!r:spec}``."""

    source: str
    expression_end: int
    """Where in ``source`` the spec or the closing brace begins."""


def replace_in_code(
    code: str, replace: Replace, *, comments_only: bool = False, used_elsewhere: Collection[str] = ()
) -> str:
    """The code with its passages replaced; code that is not valid Python is returned unchanged.

    ``comments_only`` is for code whose strings are values, such as parameters. ``used_elsewhere`` are the names that
    other code uses.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes; whoever runs the code sees them
            tree = ast.parse(code)
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (SyntaxError, tokenize.TokenError, ValueError):
        return code
    lines = _line_starts(code)
    spans = list(_find_tokens(tokens, lines))
    magics = [code[span.start : span.end] for span in spans if span.kind == "comment"]
    in_magics = {name for comment in magics if re.match(r"#[ \t]*[!%]", comment) for name in re.findall(r"\w+", comment)}
    shown = [] if comments_only else list(_shown_spans(tree, code, lines, {*used_elsewhere, *in_magics}))
    return _replace_spans(code, spans, shown, replace)


def identifiers(code: str) -> set[str]:
    """All words in the code that can be names, those in comments and strings included."""
    return set(re.findall(r"[^\W\d]\w*", code))


def replace_in_comments(text: str, replace: Replace) -> str:
    """The lines of a text with those that are ``#`` comments replaced."""

    def renew(line: re.Match[str]) -> str:
        return line[1] + _replace_comment(line[2], replace)

    return re.sub(r"^([ \t]*)(#.*)$", renew, text, flags=re.MULTILINE)


def _line_starts(code: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", code))]


def _find_tokens(tokens: list[tokenize.TokenInfo], lines: list[int]) -> Iterator[_Span]:
    """The comments, and the strings that are not inside f-strings."""
    depth = begin = 0
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        if kind not in _TEXT_TOKENS:
            continue  # the last ones are beyond the last line
        start, end = (lines[row - 1] + column for row, column in (token.start, token.end))
        if kind in ("FSTRING_START", "TSTRING_START"):
            begin = begin if depth else start
            depth += 1
        elif kind in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if not depth:
                yield _Span(begin, end, "string")
        elif not depth:
            yield _Span(start, end, kind.lower())


def _shown_spans(tree: ast.AST, code: str, lines: list[int], used_elsewhere: Collection[str]) -> Iterator[_Span]:
    for node, kind in ShownStrings(tree, used_elsewhere).kinds.items():
        assert node.end_lineno is not None and node.end_col_offset is not None
        places = ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
        start, end = (_offset(code, lines, *place) for place in places)
        yield _Span(start, end, kind)


def _offset(code: str, lines: list[int], row: int, byte: int) -> int:
    """Where a node begins or ends: its columns count bytes."""
    start = lines[row - 1]
    line = code[start : start + byte]
    return start + (byte if line.isascii() else len(line.encode()[:byte].decode()))


def _replace_spans(code: str, spans: list[_Span], shown: list[_Span], replace: Replace) -> str:
    pieces, position = [], 0
    for span in spans:
        source = code[span.start : span.end]
        if span.kind == "comment":
            new = _replace_comment(source, replace)
        else:
            kinds = [one.kind for one in shown if one.start <= span.start and span.end <= one.end]
            new = _replace_string(source, kinds[0], replace) if kinds else source
        pieces += [code[position : span.start], new]
        position = span.end
    return "".join(pieces) + code[position:]


def _replace_comment(source: str, replace: Replace) -> str:
    """A comment with its text replaced; forms' ``@param`` and what programs read stays."""
    before, text = _COMMENT.fullmatch(source).groups()  # type: ignore[union-attr]
    text = text.rstrip()
    if not has_words(text) or _NOT_PROSE.match(text):
        return source

    def fit(translation: str) -> str:
        check_lines(text, translation)
        if translation != translation.strip() or "\n" in translation or "\r" in translation:
            raise TranslationError("it must be one line, without spaces around it")
        if _NOT_PROSE.match(translation):
            raise TranslationError(f"a comment that begins with {translation.split()[0]!r} means something to a program")
        return before + translation

    return replace(Passage("comment", text, fit)) or source


def _replace_string(source: str, kind: str, replace: Replace) -> str:
    prefix, quote, body = _STRING.fullmatch(source).groups()  # type: ignore[union-attr]
    letters = prefix.lower()
    if "b" in letters or "t" in letters:
        return source
    if "f" in letters:
        return _replace_fstring(source, kind, replace)
    text = _evaluate(source)
    if text is None or not has_words(text) or _NOT_SHOWN.fullmatch(text):
        return source

    def fit(translation: str) -> str:
        check_lines(text, translation)
        _check_ends(text, translation)
        new = prefix + quote + _encode(translation, quote, "r" in letters) + quote
        if _evaluate(new) != translation:
            raise TranslationError(f"it cannot be written as {prefix}{quote}…{quote}: leave out quotes and backslashes")
        return new

    return replace(Passage(kind, text, fit)) or source


def _replace_fstring(source: str, kind: str, replace: Replace) -> str:
    """An f-string is one passage, with its fields as they stand in the code; they may hold shown strings themselves."""
    prefix, quote, body = _STRING.fullmatch(source).groups()  # type: ignore[union-attr]
    is_raw = "r" in prefix.lower()
    split = _split_fields(body, names_characters=not is_raw)
    if split is None:
        return source
    literals, fields = split
    texts = [_evaluate(re.sub("[fF]", "", prefix) + quote + literal + " " + quote) for literal in literals]
    if any(text is None for text in texts):
        return source
    known = [text[:-1] for text in texts if text is not None]
    new_fields = [_replace_in_field(field, quote, kind, replace) for field in fields]
    text = _join(known, [field.source for field in fields])
    unchanged = prefix + quote + _join(literals, new_fields) + quote
    if not has_words("".join(known)) or _NOT_SHOWN.fullmatch("".join(known)):
        return unchanged

    def fit(translation: str) -> str:
        check_lines(text, translation)
        _check_ends(text, translation)
        split = _split_fields(translation, names_characters=False)
        if split is None or [field.source for field in split[1]] != [field.source for field in fields]:
            wanted = " ".join(field.source for field in fields) or "none"
            raise TranslationError(f"its {{fields}} must be these, in this order: {wanted} (a brace in the text is doubled)")
        encoded = [_encode(literal, quote, is_raw) for literal in split[0]]
        new = prefix + quote + _join(encoded, new_fields) + quote
        if _literal_text(new) != "".join(split[0]).replace("{{", "{").replace("}}", "}"):
            raise TranslationError(f"it cannot be written as {prefix}{quote}…{quote}: leave out quotes and backslashes")
        return new

    return replace(Passage(kind, text, fit)) or unchanged


def _replace_in_field(field: _Field, quote: str, kind: str, replace: Replace) -> str:
    """The field with the strings replaced that can be its value."""
    inner = field.source[1 : field.expression_end]
    expression = _CONVERSION.fullmatch(inner)[1]  # type: ignore[index]
    code = f"({expression})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code, mode="eval")
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (SyntaxError, tokenize.TokenError, ValueError):  # {name=}
        return field.source
    lines = _line_starts(code)
    shown = ShownStrings(ast.Expression(ast.Constant(None)), ())
    shown.show_value(tree.body, kind)

    def replace_inside(passage: Passage) -> str | None:
        new = replace(passage)
        if new is not None and ("\\" in new or quote[0] in new or "#" in new):
            raise TranslationError(f"inside the field {field.source} it can have no backslash, no # and no {quote[0]}")
        return new

    spans = [_Span(*_node_range(node, code, lines), kind) for node in shown.kinds]
    new = _replace_spans(code, list(_find_tokens(tokens, lines)), spans, replace_inside)
    return "{" + new[1:-1] + field.source[1 + len(expression) :]


def _node_range(node: ast.expr, code: str, lines: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    start = _offset(code, lines, node.lineno, node.col_offset)
    return start, _offset(code, lines, node.end_lineno, node.end_col_offset)


def _join(literals: list[str], fields: list[str]) -> str:
    return "".join(literal + field for literal, field in zip(literals, [*fields, ""], strict=True))


def _split_fields(body: str, *, names_characters: bool) -> tuple[list[str], list[_Field]] | None:
    r"""The literals and the fields of an f-string, one literal more than fields; None if its braces do not match.

    Braces in literals stay doubled. ``names_characters``: ``\N{DASH}`` is a character, not a field.
    """
    literals, fields, position = [""], [], 0
    token = re.compile((r"\\N\{[^}]*\}|\\[^{}]|" if names_characters else "") + r"\{\{|\}\}|[^{}\\]+|[{}\\]", re.DOTALL)
    while position < len(body):
        found = token.match(body, position)
        assert found is not None
        if found[0] == "}":
            return None
        if found[0] == "{":
            field = _read_field(body, position)
            if field is None:
                return None
            fields.append(field)
            literals.append("")
            position += len(field.source)
        else:
            literals[-1] += found[0]
            position = found.end()
    return literals, fields


def _read_field(body: str, start: int) -> _Field | None:
    depth, colon, position = 0, 0, start
    while position < len(body):
        character = body[position]
        if character in "'\"" and not colon:
            quote = body[position : position + 3] if body[position : position + 3] == 3 * character else character
            position = body.find(quote, position + len(quote)) + len(quote) - 1
            if position < start:
                return None
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if not depth:
                source = body[start : position + 1]
                return _Field(source, (colon or position) - start)
        elif character == ":" and depth == 1 and not colon:
            colon = position
        position += 1
    return None


def _check_ends(text: str, translation: str) -> None:
    for what, strip in (("begin", str.lstrip), ("end", str.rstrip)):
        if (strip(text) == text) != (strip(translation) == translation):
            raise TranslationError(f"it must {what} with a space or a line break if, and only if, the text does")
    if _CONTROL.search(translation):
        raise TranslationError("it contains a control character")


def _encode(text: str, quote: str, is_raw: bool) -> str:
    """The text between quotes, as Python writes it."""
    if is_raw:
        return text
    text = text.replace("\\", "\\\\").replace("\t", "\\t")
    if len(quote) == 1:
        return text.replace(quote, "\\" + quote).replace("\n", "\\n")
    return re.sub(rf"{quote[0]}(?={quote[0]}|\Z)", lambda _: "\\" + quote[0], text)


def _evaluate(source: str) -> str | None:
    """The value of a string without fields; None if this is not one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(source)
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _literal_text(source: str) -> str | None:
    """The text of an f-string without its fields; None if it is not valid."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(str(value.value) for value in node.values if isinstance(value, ast.Constant))
