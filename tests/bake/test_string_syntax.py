import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from colab_starter.bake.string_syntax import find_tokens, read_fstring, split_string
from tests.conftest import REPOSITORY

FILES = sorted((REPOSITORY / "colab_starter/check").rglob("*.py")) + sorted((REPOSITORY / "templates").rglob("*.py"))


def found_by_tokenize(code: str) -> Iterator[str]:
    """The comments, and the strings that are not inside f-strings, which are several tokens since Python 3.12."""
    lines = [0]
    for line in code.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    begins: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        name = tokenize.tok_name[token.type]
        if name in ("FSTRING_START", "STRING", "COMMENT"):
            begins.append(lines[token.start[0] - 1] + token.start[1])
        if name in ("FSTRING_END", "STRING", "COMMENT"):
            begin = begins.pop()
            if not begins:
                yield code[begin : lines[token.end[0] - 1] + token.end[1]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_strings_and_comments_are_those_that_tokenize_finds(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert [code[token.start : token.end] for token in find_tokens(code)] == list(found_by_tokenize(code))


def test_every_f_string_of_these_files_can_be_read_and_written_again() -> None:
    sources = [source for path in FILES for source in found_by_tokenize(path.read_text(encoding="utf-8"))]
    fstrings = [source for source in sources if source[0] in "fFrR" and "f" in split_string(source)[0].lower()]
    for source in fstrings:
        string = read_fstring(source)
        assert string is not None, source
        assert string.write(string.literals, [field.source for field in string.fields]) == source
    assert len(fstrings) > 100


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("f'{a}'", "{a}"),
        ("f'a {b!r:>{w}} c'", "a {b!r:>{w}} c"),
        ("f'{{a}} {b}'", "{{a}} {b}"),
        (r"f'\N{EN DASH} {a}\n'", "– {a}\n"),
        (r"rf'\N{a}\n'", r"\N{a}\n"),
        (r"f'\x7b{a}'", "{{{a}"),
        ("f'{a:%H:%M}'", "{a:%H:%M}"),
        ("f'{a[1:2]} {(lambda x: x)(a)} {a != b} {d[\"}\"]}'", '{a[1:2]} {(lambda x: x)(a)} {a != b} {d["}"]}'),
        ("f'''say \"{a}\"'''", 'say "{a}"'),
        ('f"{d["a"]} {f"{b}"}"', '{d["a"]} {f"{b}"}'),  # since Python 3.12
    ],
)
def test_an_f_string_is_read_as_its_text_and_its_fields(source: str, text: str) -> None:
    string = read_fstring(source)
    assert string is not None
    assert string.text == text
