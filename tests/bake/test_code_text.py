import ast
import io
import os
import random
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import cookiecutter
import pytest

from colab_starter.bake.code_text import replace_in_code, replace_in_comments
from colab_starter.bake.errors import TranslationError
from colab_starter.bake.passages import Passage
from tests.bake import code_samples
from tests.conftest import REPOSITORY
from tests.support.same_code import blank_strings

SAMPLES = int(os.environ.get("CODE_SAMPLES", "400"))


def passages(code: str, *, comments_only: bool = False, used_elsewhere: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def note(passage: Passage) -> None:
        found.append((passage.kind, passage.text))

    unchanged = replace_in_code(code, note, comments_only=comments_only, used_elsewhere=used_elsewhere)
    assert unchanged == code
    return found


def translate(code: str, **translations: str) -> str:
    """The code with its only passage replaced by ``to``, or the passages that are the keys by the values."""
    return replace_in_code(
        code, lambda passage: passage.fit(translations.get(passage.text, translations.get("to", "")))
    )


def texts(code: str, kind: str = "string") -> list[str]:
    return [text for found, text in passages(code) if found == kind]


def test_what_is_printed_raised_or_asserted_is_offered() -> None:
    code = 'print("one", x)\nraise ValueError("two") from None\nassert x, "three"\nwarnings.warn("four")\n'
    assert texts(code) == ["one", "two", "three", "four"]


def test_the_values_of_a_shown_expression_are_offered_and_its_conditions_are_not() -> None:
    assert texts('print("yes" if kind == "gpu" else "no", name or "none", "some " + unit)') == [
        "yes",
        "no",
        "none",
        "some ",
    ]


@pytest.mark.parametrize(
    "code",
    [
        'x = {"the key": "a value"}',
        'table["the column"]',
        'open("the file.txt")',
        'print(table["the column"])',
        'print("a line of data", file=report)',
        'print(f"{value:>10}")',
        "print(\", \".join(names), sep=' and ')",
        'print("results.json", "https://example.org/x", "/content/drive", "binary:logistic_x")',
        'scrap = {"name": "the name"}\nprint(scrap)',
        'dict(label="the key", title="another")',
        'print(b"some bytes")',
        'kind = "of a kind"\nprint(kind)\nif kind == other: pass',
        'def f(text="a default"):\n    print(text)',
        'for name in ["one two"]:\n    print(name)',
        'program = "the tree"\nprint(program)\n# !{program}',
    ],
)
def test_data_are_not_offered(code: str) -> None:
    assert [text for kind, text in passages(code) if kind != "comment"] == []


def test_a_variable_that_is_only_shown_is_followed_to_what_is_assigned() -> None:
    code = 'def f():\n    why = "it broke" if x else "it is late"\n    print(f"Stopped: {why}")\n'
    assert texts(code) == ["it broke", "it is late", "Stopped: {why}"]


def test_a_variable_may_keep_its_value_where_it_is_assigned_again() -> None:
    code = (
        'def f():\n    why = "it broke"\n    why = "it is late" if late else why\n    why += " again"\n    print(why)\n'
    )
    assert texts(code) == ["it broke", "it is late", " again"]


def test_a_variable_that_another_cell_may_use_is_not_followed() -> None:
    code = 'why = "it broke"\nprint(why)\n'
    assert texts(code) == ["it broke"]
    assert passages(code, used_elsewhere=("why",)) == []


def test_docstrings_and_the_descriptions_of_options_are_offered() -> None:
    code = 'def f():\n    """What f does."""\n\nparser.add_argument("--seed", help="the seed", metavar="A B")\n'
    assert texts(code) == ["What f does.", "the seed"]


def test_what_a_function_returns_that_describes_something_is_offered() -> None:
    code = 'def {}(x):\n    if x:\n        return "too small" if x == "low" else "too large"\n    return ""\n'
    assert texts(code.format("describe_flaw")) == ["too small", "too large"]
    assert passages(code.format("find_flaw")) == []


def test_texts_of_a_figure_are_a_kind_of_their_own() -> None:
    code = 'plt.title("The title")\nax.set(xlabel="an axis", color="dark red")\nax.plot(x, label=f"run {n}")\n'
    assert texts(code, "plot") == ["The title", "an axis", "run {n}"]
    assert texts(code) == []


def test_of_a_cell_of_parameters_only_titles_and_comments_are_offered() -> None:
    code = '# @title Parameters\nname = "the value"  # @param {type:"string"}\nprint("shown")  # by hand\n'
    assert passages(code, comments_only=True) == [("comment", "Parameters"), ("comment", "by hand")]


@pytest.mark.parametrize(
    "comment", ["# %pip install x", "#!ls", "# %%", "x = 1  # @param [1]", "# noqa", "# type: ignore", "#"]
)
def test_comments_that_programs_read_are_not_offered(comment: str) -> None:
    assert passages(comment) == []


def test_an_indented_comment_keeps_its_place() -> None:
    code = "if x:\n    # why\n    y = '# %% not a comment'  #  because\n"
    assert translate(code, why="为什么", because="因为") == code.replace("why", "为什么").replace("because", "因为")


@pytest.mark.parametrize("translation", ["!ls", "%pip install x", "@param", "two\nlines", " space", "", "bell\a"])
def test_a_comment_cannot_become_a_command_or_code(translation: str) -> None:
    with pytest.raises(TranslationError):
        translate("# a comment", to=translation)


@pytest.mark.parametrize("string", ["'one'", '"one"', "'''one'''", '"""one"""', "u'one'", r"'\x6fne'"])
def test_quotes_and_backslashes_in_a_translation_are_escaped(string: str) -> None:
    new = translate(f"print({string})", to="a'b\"c\\d\\n'''\"\"\"")
    assert ast.literal_eval(new.removeprefix("print")) == "a'b\"c\\d\\n'''\"\"\""


def test_a_raw_string_takes_what_it_can_hold() -> None:
    assert translate(r"print(r'\d means a digit')", to=r"\d 是数字") == r"print(r'\d 是数字')"
    with pytest.raises(TranslationError, match="cannot be written as r'…'"):
        translate(r"print(r'\d means a digit')", to="it's")


def test_an_f_string_is_one_passage_with_its_fields() -> None:
    code = 'print(f"{n:,} of {len(x)!r:>{w}} {{images}}\\n")'
    assert texts(code) == ["{n:,} of {len(x)!r:>{w}} {{images}}\n"]
    new = translate(code, to='{n:,} 张，共 {len(x)!r:>{w}} 张{{"图"}}\n')
    assert new == 'print(f"{n:,} 张，共 {len(x)!r:>{w}} 张{{\\"图\\"}}\\n")'


@pytest.mark.parametrize(
    "translation",
    "{n} of|{m} of {n}|{n} of {m} {k}|{n!r} of {m}|{n:.2f} of {m}|{n} of {m} {|{n} of {m} }|n of m|{n} of {m}\n|"
    "{n} of {m} |\n{n} of {m}|{n} {__import__('os')} {m}".split("|"),
)
def test_a_translation_with_other_fields_or_ends_is_refused(translation: str) -> None:
    with pytest.raises(TranslationError):
        translate('print(f"{n} of {m}")', to=translation)


def test_strings_inside_a_field_are_passages_of_their_own() -> None:
    code = "print(f\"on the {'large' if x == 'big' else 'small'} one\")"
    assert sorted(texts(code)) == ["large", "on the {'large' if x == 'big' else 'small'} one", "small"]
    new = translate(code, large="大", small="小", to="在 {'large' if x == 'big' else 'small'} 上")
    assert new == "print(f\"在 {'大' if x == 'big' else '小'} 上\")"


@pytest.mark.parametrize("translation", ['say "x"', "it's", "back\\slash", "a # sign"])
def test_a_string_inside_a_field_takes_only_what_every_python_can_read(translation: str) -> None:
    with pytest.raises(TranslationError):
        translate("print(f\"{'large' if x else 1}\")", large=translation)


def test_code_that_is_not_python_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert passages("echo hello # a comment") == []


def test_comments_of_other_files_are_whole_lines() -> None:
    text = "# A grid.\ngrid:\n  # inside\n  a: '# no comment'\n"
    new = replace_in_comments(text, lambda passage: passage.fit(f"译 {passage.text}"))
    assert new == "# 译 A grid.\ngrid:\n  # 译 inside\n  a: '# no comment'\n"


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_random_code_stays_the_same_code_and_runs_the_same() -> None:
    changed = 0
    for number in range(SAMPLES):
        code = code_samples.make_sample(random.Random(number))
        new = replace_in_code(code, code_samples.translate, used_elsewhere=code_samples.VARIABLES)
        changed += new != code
        assert blank_strings(new) == blank_strings(code), code
        assert other_tokens(new) == other_tokens(code), code
        assert replace_in_code(code, lambda passage: None) == code
        (shown, data), (new_shown, new_data) = run(code), run(new)
        assert new_data == data, code
        assert [text.replace(code_samples.TRANSLATED, "") for text in new_shown] == shown, code
    assert changed > SAMPLES / 2


def other_tokens(code: str) -> list[str]:
    """All tokens but comments and strings."""
    names = (
        (tokenize.tok_name[token.type], token.string) for token in tokenize.generate_tokens(io.StringIO(code).readline)
    )
    return [text for name, text in names if name in ("NAME", "OP", "NUMBER", "NEWLINE", "INDENT", "DEDENT")]


def run(code: str) -> tuple[list[str], dict[str, object]]:
    """What the code prints, and its variables afterwards."""
    shown: list[str] = []
    space: dict[str, object] = {"x": 3, "d": {}, "s": "text", "out": io.StringIO()}
    space["print"] = lambda *values, file=None: shown.extend(map(str, [] if file else values))
    exec(compile(code, "sample", "exec"), space)  # the code of this test's own generator
    return shown, {name: space[name] for name in code_samples.VARIABLES if name in space}


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_every_python_translates_the_same_way(version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "--version"], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version} here")
    site = str(Path(cookiecutter.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), site]), "PYTHONDONTWRITEBYTECODE": "1"}
    script = str(Path(code_samples.__file__))
    results = [
        subprocess.run(
            [program, "-W", "ignore", script, "7", "200"], env=environment, check=True, capture_output=True
        ).stdout
        for program in (sys.executable, python)
    ]
    assert results[0] == results[1]
