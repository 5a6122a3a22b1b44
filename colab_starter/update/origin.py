"""What a project was made from: the answers, and the files as the template wrote them."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from colab_starter.bake.record import RECORD, Record, read_record
from colab_starter.errors import DamagedRecordError, NoProjectError
from colab_starter.update.templates import Answers, Questions, fetch_template

CRUFT = ".cruft.json"


class Origin(NamedTuple):
    """A project and where it comes from."""

    folder: Path
    record: Record
    """``files`` is empty where nobody knows what the template wrote."""
    notice: str
    """What the user should know about it; empty if the project has its record."""


def find_origin(folder: Path, questions: Questions) -> Origin:
    """The project in a folder, or around it.

    Its own record says what the template wrote. A project from before there was one may have cruft's: then the template
    is fetched in its old state. Otherwise the answers are guessed, and what the template wrote is unknown.

    Raises NoProjectError, DamagedRecordError or TemplateUnavailableError.
    """
    if not folder.is_dir():
        raise NoProjectError(
            f"{folder} is not a folder; give the folder of a project, e.g. colab-starter update digits"
        )
    place = find_folder(folder)
    if place is None:
        return _guess(folder.resolve(), questions)
    return Origin(place, _read_record(place / RECORD), "") if (place / RECORD).is_file() else _read_cruft(place)


def find_folder(folder: Path) -> Path | None:
    """The project's folder: the one given, or the first around it with a record, ours or cruft's."""
    places = [folder.resolve(), *folder.resolve().parents]
    return next((place for place in places if (place / RECORD).is_file() or (place / CRUFT).is_file()), None)


def _read_record(path: Path) -> Record:
    try:
        return read_record(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedRecordError(
            f"{path} cannot be read: {error}; take it as it was committed: git checkout HEAD -- {RECORD}, "
            "or install the newest colab-starter"
        ) from error


def _read_cruft(folder: Path) -> Origin:
    try:
        noted = json.loads((folder / CRUFT).read_text(encoding="utf-8"))
        source, commit = str(noted["template"]), str(noted["commit"])
        context: dict[str, Any] = noted["context"]["cookiecutter"]
    except (ValueError, LookupError, TypeError) as error:
        raise DamagedRecordError(f"{folder / CRUFT} cannot be read: {error!r}; repair it, or remove it") from error
    if "preset" not in context:
        raise NoProjectError(f"the project in {folder} was made from another template: {source}")
    if not re.fullmatch("[0-9a-f]{7,64}", commit):
        raise DamagedRecordError(f"{folder / CRUFT} names no commit; repair it, or remove it")
    answers = {name: value for name, value in context.items() if not name.startswith("_")}
    with TemporaryDirectory() as place:
        record = fetch_template(source, commit, place).bake(answers)
    return Origin(folder, record, f"{CRUFT} says what it was made from: {source}, commit {commit[:10]}")


def _guess(folder: Path, questions: Questions) -> Origin:
    """The answers as the project shows them."""
    found = {path.stem for path in folder.glob("notebooks/*.ipynb")} & set(questions["preset"])
    if not found:
        raise NoProjectError(f"no project in {folder}: there is no {RECORD}; to make a project, colab-starter new")
    answers: Answers = {"preset": found.pop() if len(found) == 1 else "all"}
    readme = folder / "README.md"
    title = re.match(r"# (.+)", readme.read_text(encoding="utf-8", errors="replace")) if readme.is_file() else None
    if title:
        answers["project_name"] = re.sub(r"\\([\\`*_<>\[\]#])", r"\1", title[1])
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}[A-Za-z0-9]", folder.name):
        answers["project_slug"] = folder.name
    said = ", ".join(f"{name}={value}" for name, value in answers.items())
    return Origin(
        folder,
        Record("", answers, {}),
        f"there is no {RECORD}, so what differs from the template is marked as a conflict, and the answers are guessed "
        f"({said}); give others with --answer QUESTION=ANSWER",
    )
