"""A whole project from a notebook of the user's: ``colab-starter new --from``."""

import ast
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from colab_starter.adopt import phrases
from colab_starter.adopt.adopt import Adoption, Options, adopt, slug_of
from colab_starter.adopt.draft import FORM
from colab_starter.bake.generate import Answers, Project, find_template, generate_project, read_questions
from colab_starter.bake.percent import ACCELERATORS
from colab_starter.notebook.model import Notebook, join_source, parse_notebook
from colab_starter.notebook.python import NOT_LITERAL, read_literal
from colab_starter.notebook.syntax import parse_python

PARTS = ("cookiecutter.json", "hooks", "templates", "{{cookiecutter.project_slug}}")
"""What a template consists of."""


def make_project(
    notebook: Path, answers: Answers, output_dir: Path, options: Options, *, force: bool = False
) -> tuple[Project, Adoption]:
    """Adopt a notebook, and make a project with it in place of a lesson.

    ``answers`` are those of ``generate_project``, without a preset; the language is that of the new cells, unless it is
    among them. Raises what ``adopt`` and ``generate_project``
    raise; then nothing has changed on the disk.
    """
    adoption = adopt(notebook, options)
    name = slug_of(notebook.stem).replace(".", "-")
    with TemporaryDirectory(prefix="colab-starter-") as folder:
        template = Path(folder)
        title = _write_template(template, name, adoption)
        values = dict(_read_form(adoption))
        given: dict[str, str | bool] = {
            "language": adoption.language,
            "project_name": title,
            "preset": name,
            "use_drive": bool(values.get("use_drive")),
            **({"drive_folder": str(values["drive_folder"])} if values.get("drive_folder") else {}),
        }
        project = generate_project({**given, **answers}, output_dir, force=force, template=template)
    return project, adoption


def _write_template(folder: Path, name: str, adoption: Adoption) -> str:
    """A copy of the template whose only lesson is the notebook; returns the notebook's title."""
    source = find_template()
    for part in PARTS:
        copy = shutil.copytree if (source / part).is_dir() else shutil.copyfile
        copy(source / part, folder / part)
    title = _find_title(adoption) or name
    questions = read_questions()
    questions["preset"] = [name]
    questions["__prompts__"]["preset"] = {"__prompt__": "Which notebook?", name: title}
    questions["_copy_without_render"] = ["notebooks/*"]
    _write_json(folder / "cookiecutter.json", questions)
    _write_json(folder / "templates/lessons.json", {name: _describe_lesson(title, adoption)})
    project = folder / "{{cookiecutter.project_slug}}"
    for kind in ("notebooks", "sweeps"):
        shutil.rmtree(project / kind)
        (project / kind).mkdir()
    (project / f"notebooks/{name}.ipynb").write_bytes(adoption.content)
    (project / f"sweeps/{name}.yaml").write_text(_write_sweep(adoption), encoding="utf-8")
    return title


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _find_title(adoption: Adoption) -> str:
    """The notebook's first heading, in plain words; empty if there is none."""
    for cell in _notebook_of(adoption).cells:
        heading = re.search(r"^#{1,6}[ \t]+(.+)$", cell.source, re.MULTILINE) if cell.kind == "markdown" else None
        if heading and not cell.id.startswith("adopted-"):
            words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|<[^>]*>", r"\1", heading[1])
            return " ".join(re.sub(r"[][|<>*_`#\\{}\"]", " ", words).split())[:80]
    return ""


def _notebook_of(adoption: Adoption) -> Notebook:
    return Notebook(adoption.path, adoption.new, parse_notebook(adoption.new))


def _describe_lesson(title: str, adoption: Adoption) -> dict[str, Any]:
    """The entry of lessons.json."""
    notebook = _notebook_of(adoption)
    gpu = (notebook.metadata.get("colab") or {}).get("gpuType")
    machines = [machine for machine, metadata in ACCELERATORS.items() if metadata.get("gpuType") == gpu]
    wanted = machines[0] if machines and notebook.accelerator else "T4" if notebook.accelerator else "none"
    own = [name for name, _ in _sweepable(adoption)]
    said = phrases.read_phrases(adoption.language)
    summary = said.say(phrases.PARAMETERS, names=", ".join(own)) if own else said.say(phrases.NO_PARAMETERS)
    packages = [*adoption.needs.imported.values(), *adoption.needs.pip]
    name, values = next(_sweepable(adoption), ("require_gpu", [False]))
    return {
        "title": title,
        "summary": summary,
        "accelerator": wanted,
        "pip": {package: package for package in packages},
        "apt": {package: package for package in adoption.needs.apt},
        "cpu_seconds": 0,
        "example": {"name": name, "value": _write_value(values[-1]), "values": ",".join(map(_write_value, values))},
    }


def _write_value(value: Any) -> str:
    """A value on the command line."""
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)


def _write_sweep(adoption: Adoption) -> str:
    """An example: a grid over the first parameter that has an obvious other value."""
    name, values = next(_sweepable(adoption), ("require_gpu", [False]))
    comment = phrases.read_phrases(adoption.language).say(phrases.SWEEP)
    return f"# {comment}\ngrid:\n  {name}: {json.dumps(values)}\n"


def _sweepable(adoption: Adoption) -> Iterator[tuple[str, list[Any]]]:
    """The user's parameters with two values each, as far as another value is obvious."""
    for name, value in _read_form(adoption):
        if name in ("use_drive", "require_gpu"):
            continue
        if isinstance(value, bool):
            yield name, [value, not value]
        elif isinstance(value, int):
            yield name, [value, value + 1]
        elif isinstance(value, float):
            yield name, [value, value * 2 or 1.0]


def _read_form(adoption: Adoption) -> Iterator[tuple[str, Any]]:
    """The names and values of the form."""
    cell = next(cell for cell in _notebook_of(adoption).cells if cell.id == FORM)
    tree = parse_python(join_source(cell.source))
    for statement in tree.body if isinstance(tree, ast.Module) else []:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        value = read_literal(getattr(statement, "value", None))
        if isinstance(target, ast.Name) and value is not NOT_LITERAL:
            yield target.id, value
