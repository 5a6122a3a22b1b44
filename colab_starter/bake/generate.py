"""Generating a project from the template that comes with this package; it is written completely or not at all."""

import filecmp
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from colab_starter.bake.choices import unknown_choice
from colab_starter.errors import (
    CannotWriteError,
    ColabStarterError,
    GenerationError,
    ProjectExistsError,
    StoppedError,
    TemplateMissingError,
    UnknownChoiceError,
)

if TYPE_CHECKING:
    from jinja2 import Environment

    from colab_starter.bake.extension import NotebookExtension
    from colab_starter.bake.languages import Catalog

PACKAGE = Path(__file__).parents[1]

Answers = Mapping[str, str | bool]
"""Question of cookiecutter.json -> answer."""


class Project(NamedTuple):
    """A project made by ``generate_project``."""

    folder: Path
    notebooks: list[Path]
    kept: list[Path]
    """The backups of the files that ``force`` replaced."""
    language: str
    """A choice of the question ``language``."""


def find_template() -> Path:
    """The folder that contains cookiecutter.json: inside an installed package, or the checkout around it."""
    for folder in (PACKAGE / "template", PACKAGE.parent):
        if (folder / "cookiecutter.json").is_file():
            return folder
    raise TemplateMissingError("the template is missing from this installation; install colab-starter again")


def read_questions(template: Path | None = None) -> dict[str, Any]:
    """The content of cookiecutter.json: question -> default answer, or list of choices."""
    folder = template or find_template()
    questions: dict[str, Any] = json.loads((folder / "cookiecutter.json").read_text(encoding="utf-8"))
    return questions


def generate_project(
    answers: Answers, output_dir: Path, *, ask: bool = False, force: bool = False, template: Path | None = None
) -> Project:
    """Make a project in a new folder of ``output_dir``, exactly as plain cookiecutter would.

    ``answers`` replace the questions' defaults. With ``ask``, the user is asked cookiecutter's questions, each until
    its answer is valid, in the language that is among ``answers`` or is asked for first. ``force`` writes into an
    existing folder: files of the same name that differ, and links in place of folders, are renamed NAME.bak; other
    files are left alone.
    ``template`` is another folder like that of ``find_template``.

    Raises UnknownChoiceError, BadAnswerError, ProjectExistsError, CannotWriteError, GenerationError
    or StoppedError; in that case, nothing has changed on the disk.
    """
    folder = template or find_template()
    check_choices(answers, folder)
    with _errors_in_one_line(output_dir):
        context = prepare_context(answers, folder)
        if ask:
            language = str(answers["language"]) if "language" in answers else None
            context = prepare_context({**answers, **_ask(context, output_dir, force, language)}, folder)
        _settle_answers(context)
        target = output_dir / context["cookiecutter"]["project_slug"]
        _check_target(target, force)
        # Beside the target (inside it, if it exists), because files can be renamed only within a file system.
        with TemporaryDirectory(prefix=".colab-starter-", dir=_existing_folder(target)) as staging:
            baked = _bake(context, folder, staging)
            notebooks = sorted(path.relative_to(baked) for path in baked.glob("notebooks/*.ipynb"))
            output_dir.mkdir(parents=True, exist_ok=True)
            kept = _move_into_place(baked, target)
    language = context["cookiecutter"]["language"]
    return Project(target, [target / notebook for notebook in notebooks], kept, language)


def bake_cells(
    template: str, answers: Answers, *, extension: "type[NotebookExtension] | None" = None, **variables: Any
) -> list[dict[str, Any]]:
    """The cells of the notebook that a file under ``templates/`` makes, as JSON has them.

    ``answers`` is what the template sees as ``cookiecutter``: those that it uses, checked already, and the
    ``language`` if it is not English; ``variables`` are the other names that it uses. ``extension`` is a variant of the
    template's own. Raises GenerationError.
    """
    with _errors_in_one_line(Path()):
        name = f"{extension.__module__}.{extension.__qualname__}" if extension else ""
        text = _make_environment(name).get_template(template).render(cookiecutter=answers, **variables)
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return cells


@cache
def _make_environment(extension: str) -> "Environment":
    """Jinja as cookiecutter sets it up for this template; with another extension than its own, if one is named."""
    from cookiecutter.utils import create_env_with_context
    from jinja2 import FileSystemLoader

    questions = read_questions()
    if extension:
        questions["_extensions"] = [extension]
    environment: Environment = create_env_with_context({"cookiecutter": questions})
    environment.loader = FileSystemLoader(find_template() / "templates")
    return environment


def check_choices(answers: Answers, template: Path | None = None) -> None:
    """Raise UnknownChoiceError for an answer that is not one of its question's choices."""
    questions = read_questions(template)
    for question, answer in answers.items():
        choices = questions[question]
        if isinstance(choices, list) and answer not in choices:
            raise UnknownChoiceError(unknown_choice(question, str(answer), choices))


@contextmanager
def _errors_in_one_line(output_dir: Path) -> Iterator[None]:
    from cookiecutter.exceptions import CookiecutterException, UndefinedVariableInTemplate
    from jinja2 import TemplateError

    try:
        yield
    except ColabStarterError:
        raise
    except (KeyboardInterrupt, EOFError) as error:
        raise StoppedError("stopped; nothing was made") from error
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename or output_dir}"
        raise CannotWriteError(
            f"nothing was made, because something could not be written ({reason}); "
            "fix that, or choose another folder: colab-starter new FOLDER"
        ) from error
    except (CookiecutterException, TemplateError) as error:
        # Its own text contains the whole context, thousands of characters.
        fault = f"{error.message}: {error.error}" if isinstance(error, UndefinedVariableInTemplate) else str(error)
        raise GenerationError(f"nothing was made, because the template failed; please report this: {fault}") from error


def prepare_context(answers: Answers, template: Path | None = None) -> dict[str, Any]:
    """cookiecutter's context, with ``answers`` in place of the questions' defaults.

    The user's own cookiecutter settings are left out: they are for other templates.
    """
    from cookiecutter.generate import generate_context

    template = template or find_template()
    choices = read_questions(template)
    given = {
        question: _as_jinja_text(answer) if isinstance(choices[question], str) else answer
        for question, answer in answers.items()
    }
    context: dict[str, Any] = generate_context(str(template / "cookiecutter.json"), extra_context=given)
    return context


def _ask(context: dict[str, Any], output_dir: Path, force: bool, language: str | None) -> Answers:
    """The user's answers; the project's folder is checked as soon as it has a name."""
    from colab_starter.bake.questions import ask_questions

    return ask_questions(context, lambda slug: _check_target(output_dir / slug, force), read_prompts, language)


def read_prompts(language: str) -> dict[str, Any]:
    """The questions, and the labels of their choices, in a language that is a choice of the question ``language``."""
    from colab_starter.bake.languages import english_prompts, translate_prompts

    prompts = english_prompts(read_questions()["__prompts__"])
    catalog = read_translation(language)
    return translate_prompts(prompts, catalog) if catalog else prompts


def read_translation(language: str) -> "Catalog | None":
    """The translation into a language that is a choice of the question ``language``; None for English."""
    from colab_starter.bake.languages import ENGLISH, read_catalog

    if language == ENGLISH:
        return None
    name = f"templates/languages/{language}.po"
    return read_catalog((find_template() / name).read_text(encoding="utf-8"), name)


def _settle_answers(context: dict[str, Any]) -> None:
    """Render the defaults and check the answers, in cookiecutter's own way."""
    from cookiecutter.prompt import prompt_for_config

    context["cookiecutter"].update(prompt_for_config(context, no_input=True))


def _as_jinja_text(answer: str | bool) -> str:
    """A template that renders to the answer itself, because cookiecutter would take braces in it for code."""
    return "{{ " + ascii(answer) + " }}"


def _check_target(target: Path, force: bool) -> None:
    if target.is_symlink():
        raise ProjectExistsError(f"{target} is a link, which is not followed; remove it, or choose another --slug")
    if target.is_dir() and not force:
        raise ProjectExistsError(
            f"{target} already exists; choose another --slug or folder, or add --force to write into it "
            "(files that differ are kept as NAME.bak)"
        )
    if os.path.lexists(target) and not target.is_dir():
        raise ProjectExistsError(f"{target} already exists and is not a folder; choose another --slug or folder")


def _existing_folder(folder: Path) -> Path:
    return next(path for path in [folder.absolute(), *folder.absolute().parents] if path.is_dir())


def _bake(context: dict[str, Any], template: Path, folder: str) -> Path:
    """Let cookiecutter make the project, without its hook, which prints where things are: they will be moved."""
    from cookiecutter.generate import generate_files

    baked = Path(generate_files(str(template), context, folder, accept_hooks=False))
    for path in baked.iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return baked


def _move_into_place(project: Path, target: Path) -> list[Path]:
    """Move the project to its target; returns the backups of files that were there."""
    if not target.exists():
        project.rename(target)
        return []
    kept: list[Path] = []
    with ExitStack() as undo:
        for source in sorted(project.rglob("*")):
            place = target / source.relative_to(project)
            if source.is_dir():
                _make_folder(place, undo, kept)
            elif not (place.is_file() and filecmp.cmp(source, place, shallow=False)):
                if os.path.lexists(place):
                    _keep(place, undo, kept)
                else:
                    undo.callback(place.unlink, missing_ok=True)
                source.replace(place)
        undo.pop_all()
    return kept


def _make_folder(place: Path, undo: ExitStack, kept: list[Path]) -> None:
    """Make a folder, replacing a link, because what is written there would end up elsewhere."""
    if place.is_symlink():
        _keep(place, undo, kept)
    if not place.exists():
        place.mkdir()
        undo.callback(place.rmdir)


def _keep(place: Path, undo: ExitStack, kept: list[Path]) -> None:
    """Rename what is there to a free backup name."""
    backup = _free_name(place)
    place.rename(backup)
    undo.callback(backup.replace, place)
    kept.append(backup)


def _free_name(path: Path) -> Path:
    """The path with .bak appended, or .bak2, .bak3 ... if that is taken."""
    number = 1
    while True:
        backup = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        if not os.path.lexists(backup):
            return backup
        number += 1
