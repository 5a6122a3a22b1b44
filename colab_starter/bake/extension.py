"""The Jinja extension that turns the templates into notebooks.

Plain cookiecutter loads this file from the template's own folder, so it uses only the
standard library, Jinja and cookiecutter itself. The skeleton ``templates/notebook.py`` pipes
its cells through the filter ``to_ipynb``.
"""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import cookiecutter
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, pass_environment
from jinja2.ext import Extension
from jinja2.runtime import Context

from colab_starter import __version__
from colab_starter.bake.answers import check_answer, normalize_answer, split_packages
from colab_starter.bake.badges import open_badges
from colab_starter.bake.languages import ENGLISH, Catalog, read_catalog, translate_file
from colab_starter.bake.lessons import lessons_table, select_lessons
from colab_starter.bake.passages import drop_placeholders, placeholder
from colab_starter.bake.percent import mark_cells, to_ipynb
from colab_starter.bake.pins import pin_requirements
from colab_starter.bake.record import record_project

OLDEST_COOKIECUTTER = (2, 7)
"""Older versions take ``use_drive=no`` on the command line for true."""

if tuple(map(int, cookiecutter.__version__.split(".")[:2])) < OLDEST_COOKIECUTTER:
    raise ImportError(
        f"colab-starter needs cookiecutter >= 2.7, this is {cookiecutter.__version__}: "
        "pip install --upgrade cookiecutter, or use uvx cookiecutter"
    )

_LOADER_FOR_HOOKS = FileSystemLoader(Path(__file__).parents[2] / "templates")
"""cookiecutter renders hooks without a loader. Only plain cookiecutter runs them, out of the template's own folder."""

_TRANSLATED_FILE = re.compile(
    r"(README\.md|requirements\.txt|\.pre-commit-config\.yaml|\.github/workflows/notebooks\.yml)|"
    r"(sweeps/)\{\{ chosen\('([^']+)'.*|scripts/\{\{ chosen\('([^']+)'.*"
)
"""The files of the project with texts to translate, as cookiecutter names them; notebooks are translated by cell."""

_MARKDOWN_SYMBOL = re.compile(r"([\\`*_<>\[\]#$~]|&(?=#?\w+;))")


class NotebookExtension(Extension):
    """Adds the filters and functions that the templates use, and checks the templates as they load."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._catalogs: dict[str, Catalog] = {}
        self._written: dict[tuple[str, str, str], str] = {}
        """What became of a script or a text, kept because the record of a project renders each file once more."""
        environment.undefined = LocatedUndefined
        environment.filters.update(
            check_answer=settle_answer,
            markdown_text=markdown_text,
            placeholder=placeholder,
            python_dict=python_dict,
            python_literal=python_literal,
            split_packages=split_packages,
            to_ipynb=self.build_notebook,
            translated=self.translate,
        )
        environment.globals.update(
            chosen=chosen,
            colab_starter_version=__version__,
            lessons_table=lessons_table,
            open_badges=open_badges,
            pin_requirements=pin_requirements,
            read_table=read_table,
            record_project=record_project,
            select_lessons=select_lessons,
        )

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Mark the cells in the files that make up notebooks, and have the project's other texts translated."""
        if name and name.startswith(("cells/", "lessons/")):
            return mark_cells(source, name)
        if file := _TRANSLATED_FILE.fullmatch(name or ""):
            return f"{{% filter translated({''.join(filter(None, file.groups()))!r}) %}}{source}{{% endfilter %}}"
        return source

    @pass_context
    def build_notebook(self, context: Context, script: str, accelerator: str) -> str:
        """The filter ``to_ipynb``: the notebook made from a script, in the language of the project."""
        key = (_language(context), script, accelerator)
        if key not in self._written:
            catalog = self.find_catalog(context)
            if catalog is None:
                self._written[key] = to_ipynb(drop_placeholders(script), accelerator)
            else:
                self._written[key] = to_ipynb(script, accelerator, catalog)
        return self._written[key]

    @pass_context
    def translate(self, context: Context, text: str, name: str) -> str:
        """The filter ``translated``: the text of a file of that name, in the language of the project."""
        key = (_language(context), text, name)
        if key not in self._written:
            catalog = self.find_catalog(context)
            self._written[key] = drop_placeholders(text) if catalog is None else translate_file(text, name, catalog)
        return self._written[key]

    def find_catalog(self, context: Context) -> Catalog | None:
        """The translation for the answer to ``language``; None for English. It is read once for all files."""
        language = _language(context)
        if language == ENGLISH:
            return None
        if language not in self._catalogs:
            name = f"languages/{language}.po"
            loader = self.environment.loader or _LOADER_FOR_HOOKS
            self._catalogs[language] = read_catalog(loader.get_source(self.environment, name)[0], f"templates/{name}")
        return self._catalogs[language]


def _language(context: Context) -> str:
    language: str = context.get("cookiecutter", {}).get("language", ENGLISH)
    return language


class LocatedUndefined(StrictUndefined):
    """An undefined name whose error gives the template's file and line."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return f"{super()._undefined_message}{_template_position()}"


def _template_position() -> str:
    frame = sys._getframe()
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.name:
            return f" (templates/{template.name}, line {template.get_corresponding_lineno(frame.f_lineno)})"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


@pass_context
def chosen(context: Context, file: str, lesson: str | None = None) -> str:
    """The name of a file that belongs to one lesson (by default, the one with the same name).

    Empty, so that cookiecutter leaves the file out, if the preset is neither that lesson nor "all".
    """
    preset = context["cookiecutter"]["preset"]
    return file if preset in ("all", lesson or file.partition(".")[0]) else ""


@pass_environment
def read_table(environment: Environment, name: str) -> Any:
    """The content of a JSON file under ``templates/``."""
    assert environment.loader is not None
    return json.loads(environment.loader.get_source(environment, name)[0])


@pass_context
def settle_answer(context: Context, answer: str, question: str) -> str:
    """Check an answer to cookiecutter.json, and replace it by its normal form; renders to nothing.

    The mapping ``cookiecutter`` is the one that all templates see, so none of them needs to handle other forms.
    Raises BadAnswerError.
    """
    check_answer(answer, question)
    context["cookiecutter"][question] = normalize_answer(answer, question)
    return ""


def markdown_text(text: str) -> str:
    """The text on one line, with Markdown's special characters escaped."""
    return _MARKDOWN_SYMBOL.sub(r"\\\1", " ".join(text.split()))


def python_literal(value: Any) -> str:
    """A string, number, list or dict as Python source, in double quotes, without ASCII escapes."""
    return json.dumps(value, ensure_ascii=False)


def python_dict(value: dict[str, str]) -> str:
    """A dict as Python source, in lines of at most 96 characters."""
    entries = ", ".join(f"{python_literal(key)}: {python_literal(item)}" for key, item in value.items())
    if len(entries) < 80:
        return f"{{{entries}}}"
    # A package's name may have hyphens, at which a line must not end.
    lines = textwrap.fill(entries, 96, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
    return f"{{\n{lines},\n}}"
