import functools
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import polib
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from jinja2.runtime import Context

from colab_starter.adopt import phrases
from colab_starter.adopt.cells import bake_added_cells
from colab_starter.adopt.machine import FRAMEWORKS
from colab_starter.adopt.packages import Needs
from colab_starter.adopt.phrases import Phrases
from colab_starter.bake import next_steps
from colab_starter.bake.errors import TranslationError
from colab_starter.bake.extension import NotebookExtension
from colab_starter.bake.generate import Answers, Project
from colab_starter.bake.languages import (
    ENGLISH,
    PROMPT_SEPARATOR,
    Catalog,
    english_prompts,
    read_catalog,
    translate_prompts,
)
from colab_starter.bake.next_steps import describe_next_steps, translate_next_steps
from colab_starter.bake.passages import Passage, Replace
from colab_starter.bake.percent import ACCELERATORS
from tests.conftest import QUESTIONS, REPOSITORY, bake_into
from tests.support.marks import weekly
from tests.support.same_code import blank_strings
from tools import languages as tool

TRANSLATIONS = [language for language in QUESTIONS["language"] if language != ENGLISH]
STILL_ENGLISH: tuple[str, ...] = ()
"""The cells that may lack translations, because their lessons are being rewritten."""

COMBINATIONS: list[Answers] = [
    {
        "preset": "all",
        "accelerator": accelerator,
        "use_drive": use_drive,
        "extra_apt_packages": "sox" if use_drive else "",
    }
    for accelerator, use_drive in itertools.product(QUESTIONS["accelerator"], [False, True])
]
DAILY = [COMBINATIONS[0], *COMBINATIONS[2::4], *COMBINATIONS[5::4]]
"""One with each accelerator, with and without Drive in turn: the texts about the two are paragraphs of their own."""


class EverythingTranslated(Catalog):
    """Puts quotes, backslashes and Chinese letters into each passage, or only letters where those cannot be."""

    def replace_in(self, context: str) -> Replace:
        def replace(passage: Passage) -> str:
            text = passage.text.lstrip()
            before = passage.text[: len(passage.text) - len(text)]
            try:
                return passage.fit(f"{before}译'\"\\n {text}")
            except TranslationError:
                return passage.fit(f"{before}译 {text}")

        return replace


class TranslateEverything(NotebookExtension):
    def find_catalog(self, context: Context) -> Catalog | None:
        return EverythingTranslated({}, "")


class TranslateNothing(NotebookExtension):
    def find_catalog(self, context: Context) -> Catalog | None:
        return Catalog({}, "")


def texts_of(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes().decode()
        for path in project.rglob("*")
        if path.is_file()
    }


@functools.cache
def code_without_texts(source: str) -> str:
    return blank_strings(TransformerManager().transform_cell(source))


@functools.cache
def validated(text: str) -> Any:
    """The notebook in a text, which must be what nbformat itself would write."""
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(json.loads(text))
    assert nbformat.writes(notebook) + "\n" == text
    return notebook


def check_same_but_for_texts(translated: Path, english: Path) -> None:
    """Cells, metadata, code and parameters of every notebook, and the values of every YAML file, are the same."""
    new, old = texts_of(translated), texts_of(english)
    assert new.keys() == old.keys()
    for name in (name for name in new if name.endswith(".ipynb")):
        for cell, before in zip(validated(new[name]).cells, validated(old[name]).cells, strict=True):
            assert {**cell, "source": ""} == {**before, "source": ""}
            if cell.cell_type == "code" and cell.source != before.source:
                assert code_without_texts(cell.source) == code_without_texts(before.source), (name, cell.id)
            if "parameters" in cell.metadata.get("tags", []):
                assert [line for line in cell.source.splitlines() if "# @title" not in line] == [
                    line for line in before.source.splitlines() if "# @title" not in line
                ]
    for name in (name for name in new if name.endswith((".yml", ".yaml"))):
        assert yaml.safe_load(new[name]) == yaml.safe_load(old[name])
    assert [line for line in new["requirements.txt"].splitlines() if line[0] != "#"] == [
        line for line in old["requirements.txt"].splitlines() if line[0] != "#"
    ]


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize(
    "answers", [answers if answers in DAILY else weekly(answers) for answers in COMBINATIONS], ids=str
)
def test_every_preset_is_the_same_code_in_every_language(tmp_path: Path, answers: Answers, language: str) -> None:
    english = bake_into(tmp_path / "english", **answers)
    check_same_but_for_texts(bake_into(tmp_path / "other", **answers, language=language), english)


@pytest.mark.parametrize("answers", [COMBINATIONS[0], COMBINATIONS[-1]], ids=str)
def test_every_preset_is_the_same_code_when_everything_is_translated(tmp_path: Path, answers: Answers) -> None:
    translated = tool.bake_with(TranslateEverything, answers, tmp_path)
    check_same_but_for_texts(translated, bake_into(tmp_path / "english", **answers))
    for name, text in texts_of(translated).items():
        assert "\x1f" not in text, name
        assert not name.endswith((".ipynb", ".yaml", "README.md")) or "译" in text, name


def test_the_cells_that_adopt_adds_are_the_same_code_when_everything_is_translated() -> None:
    for translated, english in zip(tool.bake_adopted(TranslateEverything), tool.bake_adopted(), strict=True):
        for cell, before in zip(translated, english, strict=True):
            source, old = "".join(cell["source"]), "".join(before["source"])
            assert {**cell, "source": ""} == {**before, "source": ""}
            assert "译" in source
            assert "\x1f" not in source + old
            assert "%(" not in source + old
            assert cell["cell_type"] == "markdown" or code_without_texts(source) == code_without_texts(old)


def test_english_is_what_the_templates_say_to_the_byte(tmp_path: Path, all_lessons: Path) -> None:
    texts = texts_of(all_lessons)
    assert texts_of(tool.bake_with(TranslateNothing, {"preset": "all"}, tmp_path)) == texts
    assert not [name for name, text in texts.items() if "\x1f" in text or "%(" in text]


def test_values_in_a_translated_passage_are_those_of_the_answers(tmp_path: Path) -> None:
    answers: Answers = {"project_name": "My *digits*", "github_repository": "ada/digits", "colab_runtime": "2026.04"}
    project = tool.bake_with(TranslateEverything, {**answers, "drive_folder": "数字/a", "preset": "blank"}, tmp_path)
    readme = (project / "README.md").read_text()
    for part in ("<https://github.com/ada/digits>", "`main`", "**2026.04**", "`数字/a`", "译'\"\\n "):
        assert part in readme
    assert (
        "译'\"\\n My \\*digits\\*: A fresh start"
        in validated((project / "notebooks/blank.ipynb").read_text()).cells[0].source
    )


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_no_translation_is_missing_outdated_or_wrong(language: str, offers: tool.Offers) -> None:
    problems = tool.examine(tool.FOLDER / f"{language}.po", offers).problems()
    assert bool(problems["missing"]) >= bool(STILL_ENGLISH), "empty STILL_ENGLISH"
    problems["missing"] = [line for line in problems["missing"] if not line.startswith(STILL_ENGLISH)]
    assert {name: lines for name, lines in problems.items() if lines} == {}, "run `make languages`"


@pytest.mark.parametrize("seed", range(6))
def test_no_combination_of_answers_brings_a_text_that_the_tool_does_not_see(
    offers: tool.Offers, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(f"answers {seed}")
    answers: Answers = {
        "preset": chance.choice(["keras", "table", "graphviz", "tour", "blank"]),
        "accelerator": chance.choice(QUESTIONS["accelerator"]),
        "colab_runtime": QUESTIONS["colab_runtime"][seed % 2],
        "use_drive": seed % 4 < 2,
        "github_repository": chance.choice(["", "ada/digits"]),
        "extra_apt_packages": chance.choice(["", "sox"]),
    }
    tool.recorder.offers.clear()
    tool.bake_with(tool.RecordingExtension, answers, tmp_path)
    assert len(tool.recorder.offers) > 50
    assert [key for key in tool.recorder.offers if key not in offers] == []


def test_the_tool_sees_every_text_of_the_cells_that_adopt_adds(offers: tool.Offers) -> None:
    for accelerator, framework, results_name in itertools.product(
        ACCELERATORS, ["", *FRAMEWORKS], ["results", "recorded"]
    ):
        tool.recorder.offers.clear()
        bake_added_cells(
            needs=Needs({"cv2": "opencv-python"}, ["einops"], ["sox"], {}),
            accelerator=accelerator,
            framework=framework,
            results_name=results_name,
            metrics=["rmse"],
            extension=tool.RecordingExtension,
        )
        contexts = {context for context, _ in tool.recorder.offers}
        assert {"parameters-0", "setup-0", "install-1", "record-text", "record-numbers", "record-keep"} < contexts
        assert (f"tryout-{framework}" in contexts) == bool(framework)
        assert [key for key in tool.recorder.offers if key not in offers] == []


@pytest.fixture(scope="module")
def offers() -> tool.Offers:
    return tool.find_offers()


def test_cookiecutter_asks_in_all_languages_as_the_translations_say() -> None:
    english = english_prompts(QUESTIONS["__prompts__"])
    catalogs = [read_catalog((tool.FOLDER / f"{language}.po").read_text(), language) for language in TRANSLATIONS]
    for question, prompt in QUESTIONS["__prompts__"].items():
        asked = prompt if isinstance(prompt, str) else prompt["__prompt__"]
        each = [
            prompts[question] for prompts in (english, *(translate_prompts(english, catalog) for catalog in catalogs))
        ]
        if question != "language":
            texts = [one if isinstance(one, str) else one["__prompt__"] for one in each]
            assert asked == PROMPT_SEPARATOR.join(dict.fromkeys(texts)), "run `make languages`"


def test_the_next_steps_are_shown_in_the_projects_language_with_its_names(tmp_path: Path) -> None:
    project = Project(tmp_path / "a b", [tmp_path / "a b/notebooks/keras.ipynb"], [], "zh-CN")
    for language in QUESTIONS["language"]:
        said = describe_next_steps(project._replace(language=language))
        for part in (f"{tmp_path}/a b/notebooks", f"cd '{tmp_path}/a b'", "--sweep sweeps/keras.yaml"):
            assert part in said


@pytest.mark.parametrize(
    "wrong", ["移到了表单", "移到了表单：{code!r}", "移到了表单：{code}{code}", "移到\n{code}", " "]
)
def test_a_translation_of_the_phrases_of_adopt_keeps_the_fields(wrong: str) -> None:
    moved = phrases.MOVED[phrases.FORM]
    assert Phrases(Catalog({(phrases.CONTEXT, moved): "移到了表单：{code}"}, "x.po")).say(moved, code="a = {1}") == (
        "移到了表单：a = {1}"
    )
    assert Phrases().say(moved, code="a = {1}") == "moved to the form at the top: a = {1}"
    with pytest.raises(TranslationError, match=r"^x\.po: the translation of 'moved to the form"):
        Phrases(Catalog({(phrases.CONTEXT, moved): wrong}, "x.po"))


@pytest.mark.parametrize(
    "change", [("{open}", "{opened}"), ("{open}", "{open!r}"), ("{open}", ""), ("Your", "{"), ("\n", "\n\n")]
)
def test_a_translation_of_the_next_steps_keeps_the_fields(change: tuple[str, str]) -> None:
    english = translate_next_steps(Catalog({}, ""))
    with pytest.raises(TranslationError):
        translate_next_steps(Catalog({(next_steps.CONTEXT, english): english.replace(*change)}, "x.po"))


# The tool and the files


def passage(text: str, kind: str = "string") -> Passage:
    def fit(translation: str) -> str:
        if "!" in translation:
            raise TranslationError("no shouting")
        return translation

    return Passage(kind, text, fit)


def offering(*keys: tuple[str, str], kind: str = "string") -> tool.Offers:
    return {key: passage(key[1], kind) for key in keys}


def write_po(path: Path, *entries: polib.POEntry, **metadata: str) -> Path:
    po = polib.POFile()
    po.metadata = {"Content-Type": "text/plain; charset=UTF-8", **metadata}
    po.extend(entries)
    po.save(str(path))
    return path


def read(path: Path) -> dict[tuple[str, str], str]:
    catalog = read_catalog(path.read_text(encoding="utf-8"), path.name)
    entries = polib.pofile(str(path))
    found = {(entry.msgctxt, entry.msgid): catalog.find(entry.msgctxt, entry.msgid) for entry in entries}
    return {key: text for key, text in found.items() if text}


def test_a_changed_text_falls_back_to_english_and_is_counted_as_outdated(tmp_path: Path) -> None:
    path = write_po(tmp_path / "de.po", polib.POEntry(msgctxt="a-0", msgid="Three old words", msgstr="Drei alte Worte"))
    offers = offering(("a-0", "Three new words"))
    assert tool.examine(path, offers).unlisted == ["a-0: 'Three new words'"]
    assert tool.update(path, offers) == ["a-0: 'Three new words'"]
    [entry] = polib.pofile(str(path))
    assert (entry.fuzzy, entry.previous_msgid, entry.msgstr) == (True, "Three old words", "Drei alte Worte")
    assert read(path) == {}
    state = tool.examine(path, offers)
    assert (state.outdated, state.missing, state.unlisted, state.left_over) == (["a-0: 'Three new words'"], [], [], [])
    path.write_text(path.read_text().replace("#, fuzzy\n", "").replace("alte", "neue"))
    tool.update(path, offers)
    assert read(path) == {("a-0", "Three new words"): "Drei neue Worte"}
    assert "#|" not in path.read_text()


def test_an_update_keeps_what_still_fits_and_names_what_is_new(tmp_path: Path) -> None:
    kept, gone = (
        polib.POEntry(msgctxt="a-0", msgid="kept", msgstr="bleibt"),
        polib.POEntry(msgctxt="b", msgid="x", msgstr="y"),
    )
    path = write_po(tmp_path / "de.po", gone, kept)
    assert tool.examine(path, offering(("a-0", "kept"))).left_over == ["b: 'x'"]
    assert tool.update(path, offering(("a-0", "kept"), ("a-0", "something else"))) == ["a-0: 'something else'"]
    assert read(path) == {("a-0", "kept"): "bleibt"}
    assert tool.update(path, offering(("b", "x"), ("a-0", "kept"))) == []
    assert read(path) == {("b", "x"): "y", ("a-0", "kept"): "bleibt"}


def test_a_text_that_moved_or_that_two_cells_have_is_translated_once(tmp_path: Path) -> None:
    path = write_po(tmp_path / "de.po", polib.POEntry(msgctxt="a-0", msgid="The same", msgstr="Das gleiche"))
    tool.update(path, offering(("b-0", "The same"), ("c-0", "The same")))
    tool.update(path, offering(("b-0", "The same"), ("c-0", "The same")))
    assert read(path) == {("b-0", "The same"): "Das gleiche", ("c-0", "The same"): "Das gleiche"}


def test_a_translation_that_does_not_fit_is_named_by_the_tool_and_by_the_template(tmp_path: Path) -> None:
    path = write_po(tmp_path / "de.po", polib.POEntry(msgctxt="a-0", msgid="a text", msgstr="laut!"))
    assert tool.examine(path, offering(("a-0", "a text"))).wrong == ["a-0: 'a text': no shouting"]
    catalog = read_catalog(path.read_text(), "languages/de.po")
    with pytest.raises(TranslationError, match=r"languages/de.po: the translation of 'a text' \(a-0\): no shouting"):
        catalog.replace_in("a-0")(passage("a text"))


def test_texts_of_figures_are_left_out_where_the_fonts_lack_the_letters(tmp_path: Path) -> None:
    offers = offering(("a-0", "the title"), kind="plot")
    assert tool.update(write_po(tmp_path / "zh.po", **{"X-Plots": "English"}), offers) == []
    assert len(tool.update(write_po(tmp_path / "de.po"), offers)) == 1


def random_texts() -> Iterator[str]:
    chance = random.Random(0)
    while True:
        yield "".join(
            chance.choices(["a", "é", "数", '"', "\\", "\n", "\t", " ", "#", "msgid", "%", "\\n", "fuzzy"], k=30)
        )


def test_the_extension_reads_what_polib_writes(tmp_path: Path) -> None:
    texts = random_texts()
    entries = [
        polib.POEntry(msgctxt=f"cell-{number % 7}", msgid=next(texts), msgstr=next(texts)) for number in range(300)
    ]
    for entry in entries[::5]:
        entry.flags, entry.comment = ["fuzzy"], "a comment"
    for entry in entries[1::5]:
        entry.obsolete = True
    path = write_po(tmp_path / "x.po", *entries)
    catalog = read_catalog(path.read_text(encoding="utf-8"), "x.po")
    for entry in entries:
        expected = None if entry.fuzzy or entry.obsolete else entry.msgstr
        assert catalog.find(entry.msgctxt, entry.msgid) == expected


@pytest.mark.parametrize("line", ['msgid_plural "x"', "hello", 'msgid "x', '"no beginning"'])
def test_a_broken_file_is_one_line_that_names_the_place(line: str) -> None:
    with pytest.raises(
        TranslationError, match=r"^templates/languages/x\.po, line 2: this is not a line of a \.po file: "
    ):
        read_catalog(f"# a comment\n{line}\n", "templates/languages/x.po")


def test_the_folder_holds_a_file_for_each_language_and_nothing_else() -> None:
    files = sorted(path.name for path in (REPOSITORY / "templates/languages").iterdir())
    assert files == sorted(f"{language}.po" for language in TRANSLATIONS)
