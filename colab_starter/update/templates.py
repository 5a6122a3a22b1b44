"""Making a project from a template in memory: this installation's, or another one's."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from colab_starter.bake.record import RECORD, Files, Record, read_record
from colab_starter.errors import TemplateUnavailableError, WrongOptionError

Answers = dict[str, str | bool]
Questions = dict[str, Any]

_BAKE = """
import json, sys
from cookiecutter.generate import generate_context, generate_files
from cookiecutter.prompt import prompt_for_config
template, output = sys.argv[1:]
context = generate_context(template + "/cookiecutter.json", extra_context=json.load(sys.stdin))
context["cookiecutter"].update(prompt_for_config(context, no_input=True))
generate_files(template, context, output, accept_hooks=False)
"""
"""As cookiecutter does it, but without its records in the user's home, and without the user's settings for it."""


class Template(NamedTuple):
    """A template, as a folder on this machine."""

    folder: Path
    is_ours: bool
    """Whether it is the one of the colab-starter that is running."""

    def read_questions(self) -> Questions:
        """The content of cookiecutter.json: question -> default answer, or list of choices."""
        questions: Questions = json.loads((self.folder / "cookiecutter.json").read_text(encoding="utf-8"))
        return {name: default for name, default in questions.items() if not name.startswith("_")}

    def bake(self, answers: Answers) -> Record:
        """The project that the template makes from the answers; the defaults stand for those that are missing.

        Answers to questions that the template does not ask are left out. Raises TemplateUnavailableError, or what
        ``generate_project`` raises.
        """
        asked = self.read_questions()
        known = {name: answer for name, answer in answers.items() if name in asked}
        with TemporaryDirectory() as folder:
            if self.is_ours:
                from colab_starter.bake.generate import generate_project

                project = generate_project(known, Path(folder)).folder
            else:
                project = self._bake_with_its_own_code(known, asked, folder)
            return _split_record(_read_files(project), known)

    def _bake_with_its_own_code(self, answers: Answers, asked: Questions, folder: str) -> Path:
        """Each template brings the module that makes its notebooks, so it needs a process of its own."""
        given = {name: _quote(answer) if isinstance(asked[name], str) else answer for name, answer in answers.items()}
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH")]))
        answer = subprocess.run(
            [sys.executable, "-c", _BAKE, str(self.folder), folder],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path},
        )
        if answer.returncode:
            reason = (answer.stderr.strip().splitlines() or ["no message"])[-1]
            raise TemplateUnavailableError(f"the template in {self.folder} made no project: {reason}")
        return next(Path(folder).iterdir())


def _quote(answer: str | bool) -> str:
    """A template that renders to the answer itself, because cookiecutter would take braces in it for code."""
    return "{{ " + ascii(answer) + " }}"


def _read_files(project: Path) -> Files:
    paths = [path for path in sorted(project.rglob("*")) if path.is_file()]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in paths}


def _split_record(files: Files, answers: Answers) -> Record:
    """The baked files as a record; older templates do not write one themselves."""
    written = files.pop(RECORD, None)
    if written is None:
        return Record("", answers, files)
    record = read_record(written.decode())
    return Record(record.version, record.answers, files)


def bake_adopted(notebook: Path, answers: Answers, old: Answers) -> Record:
    """The project that ``colab-starter new --from`` makes of a notebook that is adopted already: first cells renewed.

    ``answers`` are those that the project shall have, ``old`` those that it was made with: only what differs is written
    into the notebook's form. Raises what ``make_project`` raises.
    """
    from colab_starter.adopt.adopt import Options
    from colab_starter.adopt.project import make_project

    asked = own_template().read_questions()
    known = {name: answer for name, answer in answers.items() if name in asked and name != "preset"}
    changed = {name: answer for name, answer in known.items() if answer != old.get(name)}
    options = Options(
        parameters="none",
        keep_paths=True,
        accelerator=str(known.get("accelerator", "auto")),
        use_drive=bool(changed["use_drive"]) if "use_drive" in changed else None,
        drive_folder=str(changed["drive_folder"]) if "drive_folder" in changed else None,
        language=str(changed["language"]) if "language" in changed else None,
    )
    with TemporaryDirectory() as folder:
        project, _ = make_project(notebook, known, Path(folder), options)
        return _split_record(_read_files(project.folder), known)


def own_template() -> Template:
    """The template of this installation."""
    from colab_starter.bake.generate import find_template

    return Template(find_template(), True)


def fetch_template(source: str, checkout: str | None, folder: str) -> Template:
    """A template by its folder or its address, as cookiecutter takes it (``gh:owner/repo``, a git address, a zip file).

    ``checkout`` is a branch, tag or commit. What has to be fetched is put into ``folder``. Raises
    TemplateUnavailableError.
    """
    from cookiecutter.config import BUILTIN_ABBREVIATIONS
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.repository import determine_repo_dir

    if checkout and checkout.startswith("-"):
        raise WrongOptionError(f"{checkout!r} is not a branch, tag or commit")
    local = Path(source).expanduser()
    if local.is_dir():
        source = f"file://{local.resolve()}" if checkout else str(local.resolve())
    is_address = re.match(r"(https?|ssh|file)://", source) and not source.lower().endswith(".zip")
    address = f"git+{source}" if is_address else source  # cookiecutter would look for "git" and "hg" all over it
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())  # it logs tracebacks of what is raised here
    try:
        found, _ = determine_repo_dir(address, BUILTIN_ABBREVIATIONS, folder, checkout, no_input=True)
    except subprocess.CalledProcessError as error:
        said = error.output.decode(errors="replace").strip().splitlines() or ["git failed"]
        reason = next((line for line in said if line.startswith(("fatal:", "error:"))), said[-1])
        raise TemplateUnavailableError(f"the template {source} could not be fetched: {reason}") from error
    except (CookiecutterException, OSError) as error:
        reason = str(error) or type(error).__name__
        raise TemplateUnavailableError(f"the template {source} could not be fetched: {reason}") from error
    return Template(Path(found).resolve(), False)


def read_answers(given: list[str], questions: Mapping[str, Any]) -> Answers:
    """The answers in texts such as ``use_drive=yes``. Raises WrongOptionError, which lists the questions."""
    answers: Answers = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or name not in questions:
            raise WrongOptionError(
                f"--answer {text!r}: write QUESTION=ANSWER; the questions are {', '.join(questions)}"
            )
        answers[name] = _read_yes_or_no(name, value) if isinstance(questions[name], bool) else value
    return answers


def _read_yes_or_no(name: str, value: str) -> bool:
    if value.lower() not in ("yes", "no", "true", "false"):
        raise WrongOptionError(f"--answer {name}={value}: answer yes or no")
    return value.lower() in ("yes", "true")
