"""Translations: bring ``templates/languages/*.po`` up to date with the templates, or check them.

    python tools/languages.py           update the files, and say what is missing, outdated and new
    python tools/languages.py check     change nothing, and fail if an entry is outdated, wrong or not in the file

The passages are found by baking every kind of project: all presets, with answers that change what is written, and the
cells that ``colab-starter adopt`` adds.
"""

import argparse
import difflib
import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import polib
from jinja2.runtime import Context

from colab_starter.adopt import phrases
from colab_starter.adopt.cells import NO_NEEDS, bake_added_cells
from colab_starter.adopt.machine import FRAMEWORKS
from colab_starter.adopt.phrases import Phrases
from colab_starter.bake import next_steps
from colab_starter.bake.errors import TranslationError
from colab_starter.bake.extension import NotebookExtension
from colab_starter.bake.generate import Answers, find_template, prepare_context, read_questions
from colab_starter.bake.languages import (
    ENGLISH,
    PROMPT_SEPARATOR,
    QUESTIONS_FILE,
    Catalog,
    english_prompts,
    read_catalog,
    translate_prompts,
)
from colab_starter.bake.passages import Passage, Replace
from colab_starter.bake.percent import ACCELERATORS
from colab_starter.notebook.model import Json

FOLDER = Path(__file__).parents[1] / "templates/languages"
WIDTH = 100
SIMILAR = 0.5
"""How much of a changed passage must be the same for its old translation to be shown to the translator."""

LESSONS = [preset for preset in read_questions()["preset"] if preset != "all"]
ANSWERS: list[Answers] = [
    *({"preset": lesson} for lesson in LESSONS),
    *({"preset": "all", "accelerator": accelerator} for accelerator in read_questions()["accelerator"]),
    {"preset": "all", "github_repository": "ada/digits", "extra_apt_packages": "sox"},
    {"preset": "all", "use_drive": True, "colab_runtime": read_questions()["colab_runtime"][1]},
]
"""Together they make every text of the templates appear."""

HOOK = "hooks/post_gen_project.py"
FIRST_CONTEXTS = (QUESTIONS_FILE, next_steps.CONTEXT, phrases.CONTEXT, HOOK, "README.md")


Key = tuple[str, str]
"""The id of a cell or the name of a file, and a passage of it."""

Offers = dict[Key, Passage]


class Recorder(Catalog):
    """A translation that translates nothing, and notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__({}, "")
        self.offers: Offers = {}

    def replace_in(self, context: str) -> Replace:
        def record(passage: Passage) -> str | None:
            self.offers.setdefault((context, passage.text), passage)
            return None

        return record


recorder = Recorder()


class RecordingExtension(NotebookExtension):
    """The template's extension, but the notebooks are translated by the recorder."""

    def find_catalog(self, context: Context) -> Catalog | None:
        return recorder


def find_offers() -> Offers:
    """Everything that can be translated, by context and text, in an order that is the same everywhere."""
    recorder.offers.clear()
    prompts = english_prompts(read_questions()["__prompts__"])
    del prompts["language"]
    translate_prompts(prompts, recorder)
    next_steps.translate_next_steps(recorder)
    Phrases(recorder)
    for answers in ANSWERS:
        with tempfile.TemporaryDirectory() as folder:
            bake_with(RecordingExtension, answers, Path(folder))
    bake_adopted(RecordingExtension)
    contexts = list(dict.fromkeys(context for context, _ in recorder.offers))
    files = sorted(context for context in contexts if "." in context and context not in FIRST_CONTEXTS)
    order = [*FIRST_CONTEXTS, *(context for context in contexts if "." not in context), *files]
    return dict(sorted(recorder.offers.items(), key=lambda item: order.index(item[0][0])))


def bake_with(extension: type[NotebookExtension], answers: Answers, folder: Path) -> Path:
    """A project made by a variant of the template's extension, in a new folder of ``folder``; the hook is only read."""
    from cookiecutter.generate import generate_files
    from cookiecutter.prompt import prompt_for_config
    from cookiecutter.utils import create_env_with_context

    context = prepare_context(answers)
    context["cookiecutter"].update(prompt_for_config(context, no_input=True))
    context["cookiecutter"]["_extensions"] = [f"{extension.__module__}.{extension.__qualname__}"]
    hook = create_env_with_context(context).from_string((find_template() / HOOK).read_text(encoding="utf-8"))
    hook.render(**context)
    return Path(generate_files(str(find_template()), context, str(folder), accept_hooks=False))


def bake_adopted(extension: type[NotebookExtension] | None = None) -> list[list[Json]]:
    """The cells that ``adopt`` adds, in all their variants, made by a variant of the template's extension."""
    needs = NO_NEEDS._replace(apt=["sox"])
    variants = [(machine, "") for machine in ACCELERATORS] + [("none", framework) for framework in FRAMEWORKS]
    return [
        bake_added_cells(needs=needs, accelerator=machine, framework=framework, extension=extension)
        for machine, framework in variants
    ]


class State(NamedTuple):
    """What is to be done in one file of translations; each list holds lines that name the place."""

    total: int
    missing: list[str]
    """No translation yet; English is shown."""
    outdated: list[str]
    """Fuzzy: the English text has changed since; English is shown."""
    wrong: list[str]
    """The translation does not fit the text, so nothing can be baked in this language."""
    unlisted: list[str]
    """In the templates, but not in the file."""
    left_over: list[str]
    """In the file, but no longer in the templates."""

    def __str__(self) -> str:
        counts = ", ".join(f"{len(lines)} {name.replace('_', ' ')}" for name, lines in self.problems().items())
        return f"{self.total} passages: {counts}"

    def problems(self) -> dict[str, list[str]]:
        """The lists, by their names."""
        return {name: value for name, value in self._asdict().items() if isinstance(value, list)}


def examine(path: Path, offers: Offers) -> State:
    """Compare a file of translations with what the templates offer."""
    po = polib.pofile(str(path), wrapwidth=WIDTH)
    wanted = _wanted(po, offers)
    entries = {(entry.msgctxt, entry.msgid): entry for entry in po if not entry.obsolete}
    listed = {key: entry for key, entry in entries.items() if key in wanted}
    return State(
        len(wanted),
        [_place(key) for key, entry in listed.items() if not entry.msgstr],
        [_place(key) for key, entry in listed.items() if entry.fuzzy],
        [f"{_place(key)}: {fault}" for key, entry in listed.items() if (fault := _find_fault(entry, wanted[key]))],
        [_place(key) for key in wanted if key not in entries],
        [_place(key) for key in entries if key not in wanted],
    )


def _wanted(po: polib.POFile, offers: Offers) -> Offers:
    """Without the text of figures, where the language's letters are missing in the fonts that figures use."""
    plots_in_english = po.metadata.get("X-Plots") == "English"
    return {key: offer for key, offer in offers.items() if not (plots_in_english and offer.kind == "plot")}


def _find_fault(entry: polib.POEntry, passage: Passage) -> str:
    try:
        if entry.msgstr and not entry.fuzzy:
            passage.fit(entry.msgstr)
    except TranslationError as error:
        return str(error.message)
    return ""


def _place(key: Key) -> str:
    return f"{key[0]}: {key[1][:70]!r}"


def update(path: Path, offers: Offers) -> list[str]:
    """Bring a file of translations up to date; returns the places of the new entries.

    What still fits is kept, and what is translated in one cell is copied to the others that say the same. Where a text
    has changed, its old translation stays as a fuzzy entry, with the old text in a comment. Translations of texts that
    are gone are kept at the end of the file, for when they come back.
    """
    po = _open(path)
    wanted = _wanted(po, offers)
    old = {(entry.msgctxt, entry.msgid): entry for entry in po}
    gone = {key: entry for key, entry in old.items() if key not in wanted and entry.msgstr}
    translated = {(entry.comment, entry.msgid): entry.msgstr for entry in po if entry.msgstr and not entry.fuzzy}
    entries, new = [], []
    for key, passage in wanted.items():
        entry = old.get(key)
        if entry is None:
            entry = _make_entry(key, gone)
            new.append(_place(key))
        entry.obsolete = False
        entry.previous_msgid = entry.previous_msgid if entry.fuzzy else None
        entry.comment = passage.kind
        entry.msgstr = entry.msgstr or translated.get((passage.kind, passage.text), "")
        entries.append(entry)
    for entry in gone.values():
        entry.obsolete = True
    po.clear()
    po.extend([*entries, *gone.values()])
    po.save(str(path))
    return new


def _open(path: Path) -> polib.POFile:
    if path.exists():
        return polib.pofile(str(path), wrapwidth=WIDTH)
    po = polib.POFile(wrapwidth=WIDTH)
    po.metadata = {"Language": path.stem, "Content-Type": "text/plain; charset=UTF-8"}
    return po


def _make_entry(key: Key, gone: dict[Key, polib.POEntry]) -> polib.POEntry:
    """A new entry, with the translation of the same text elsewhere, or, as fuzzy, of a similar one of the same cell."""
    context, text = key
    same = next((known for known in gone if known[1] == text), None)
    if same:
        moved = gone.pop(same)
        return polib.POEntry(msgctxt=context, msgid=text, msgstr=moved.msgstr, flags=moved.flags)
    ratios = {known: _likeness(known[1], text) for known in gone if known[0] == context}
    nearest = max(ratios, key=lambda known: ratios[known], default=None)
    if nearest is None or ratios[nearest] < SIMILAR:
        return polib.POEntry(msgctxt=context, msgid=text)
    changed = gone.pop(nearest)
    before = changed.previous_msgid or changed.msgid
    return polib.POEntry(msgctxt=context, msgid=text, msgstr=changed.msgstr, flags=["fuzzy"], previous_msgid=before)


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def write_prompts(languages: list[str]) -> None:
    """Put the translated questions into cookiecutter.json, because plain cookiecutter shows them in all languages."""
    path = find_template() / "cookiecutter.json"
    text = path.read_text(encoding="utf-8")
    prompts = json.loads(text)["__prompts__"]
    english = english_prompts(prompts)
    translated = [translate_prompts(english, _read_catalog(language)) for language in languages]
    for question in prompts:
        if question != "language":
            old, *all_languages = (_question(each[question]) for each in (prompts, english, *translated))
            new = PROMPT_SEPARATOR.join(dict.fromkeys(all_languages))
            text = text.replace(json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False))
    path.write_text(text, encoding="utf-8")


def _read_catalog(language: str) -> Catalog:
    path = FOLDER / f"{language}.po"
    return read_catalog(path.read_text(encoding="utf-8"), path.name)


def _question(prompt: str | dict[str, str]) -> str:
    return prompt if isinstance(prompt, str) else prompt["__prompt__"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", choices=["update", "check"], default="update")
    parser.add_argument("--complete", action="store_true", help="check: fail if a translation is missing, too")
    options = parser.parse_args()
    languages = [language for language in read_questions()["language"] if language != ENGLISH]
    offers = find_offers()
    failed = False
    for language in languages:
        path = FOLDER / f"{language}.po"
        new = update(path, offers) if options.action == "update" else []
        state = examine(path, offers)
        print(f"{path.name}: {state}{f', {len(new)} new' if options.action == 'update' else ''}")
        for name, lines in {**state.problems(), "new": new}.items():
            if name != "missing" or options.complete:
                print(*(f"  {name.replace('_', ' ')}  {line}" for line in lines), sep="\n", end="\n" * bool(lines))
                failed |= name != "new" and bool(lines)
    if options.action == "update":
        write_prompts(languages)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
