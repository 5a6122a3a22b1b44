"""What ``colab-starter new`` says when the project is made."""

import re
import shlex

from colab_starter.bake.generate import Project, read_translation
from colab_starter.bake.languages import Catalog
from colab_starter.bake.passages import Passage, check_lines, check_same

CONTEXT = "colab-starter new"
"""The ``msgctxt`` of the text."""

_TEXT = """
Your notebooks are in {notebooks}.

In Colab:     push the folder to GitHub, then: {open}
              or https://colab.research.google.com, File > Upload notebook
On this machine:
    cd {folder}
    pip install -r requirements.txt
    {papermill}
    {sweep}
"""
_FIELD = re.compile(r"\{\w*\}?|\}")


def describe_next_steps(project: Project) -> str:
    """How to open the first notebook of a project and how to run it, in the language of the project."""
    notebook = project.notebooks[0].relative_to(project.folder)
    catalog = read_translation(project.language)
    return (translate_next_steps(catalog) if catalog else _TEXT).format(
        notebooks=project.folder / "notebooks",
        open=f"colab-starter open {project.folder / notebook}",
        folder=shlex.quote(str(project.folder)),
        papermill=f"papermill {notebook.as_posix()} out.ipynb",
        sweep=f"colab-starter run {notebook.as_posix()} --sweep sweeps/{notebook.stem}.yaml",
    )


def translate_next_steps(catalog: Catalog) -> str:
    """The text in another language, with its fields in braces."""

    def fit(translation: str) -> str:
        check_lines(_TEXT, translation)
        check_same("fields", _FIELD, _TEXT, translation)
        return translation

    return catalog.replace_in(CONTEXT)(Passage("string", _TEXT, fit)) or _TEXT
