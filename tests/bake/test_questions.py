from collections.abc import Iterator
from typing import Any

import pytest

from colab_starter.bake.generate import prepare_context, read_prompts
from colab_starter.bake.languages import ENGLISH
from colab_starter.bake.questions import ask_questions


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is typed at the next prompts; nothing at those after."""
    typed: list[str] = []
    monkeypatch.setattr("builtins.input", lambda *prompt: typed.pop(0) if typed else "")
    yield typed
    assert typed == []


def ask(language: str | None = None) -> dict[str, str | bool]:
    return ask_questions(prepare_context({}), lambda slug: None, prompts_in, language)


def prompts_in(language: str) -> dict[str, Any]:
    prompts = read_prompts(ENGLISH)
    return {
        **prompts,
        "project_name": f"{language}: the name?",
        "preset": {**prompts["preset"], "all": f"{language}: all"},
    }


def test_the_language_is_asked_first_and_the_rest_in_it(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    asked += ["2", "Digits", "", "all"]
    answers = ask()
    assert (answers["language"], answers["project_name"], answers["preset"]) == ("zh-CN", "Digits", "all")
    said = capsys.readouterr().out
    assert (
        said.index("Language / 语言")
        < said.index("简体中文")
        < said.index("zh-CN: the name?")
        < said.index("zh-CN: all")
    )


def test_a_language_may_be_typed_by_its_code(asked: list[str]) -> None:
    asked += ["zh-cn"]
    assert ask()["language"] == "zh-CN"


def test_english_is_asked_in_english_only(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    asked += ["1"]
    assert ask()["language"] == "en"
    said = capsys.readouterr().out.partition("en: the name?")[2]
    assert said.isascii()


def test_a_language_that_is_given_is_not_asked_for(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    asked += ["Digits"]
    answers = ask("zh-CN")
    assert (answers["language"], answers["project_name"]) == ("zh-CN", "Digits")
    assert "语言" not in capsys.readouterr().out
