"""The record that a project keeps of the template's part in it: ``.colab-starter.json``.

It holds the answers and, compressed, every file exactly as the template wrote it. ``colab-starter update`` compares the
project with these files to tell the user's changes from the template's. They are in the project itself, because nothing
else is there in every clone, without a network, and without git: the template's own history is on a server, and a
project's first commit need not be what the template wrote.

Plain cookiecutter loads this module, so it uses only the standard library and what cookiecutter depends on.
"""

import base64
import bz2
import json
import os
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import FileSystemLoader, pass_context
from jinja2.runtime import Context

from colab_starter import __version__

RECORD = ".colab-starter.json"
"""The file's name, in the project's folder."""
FORMAT = 1
"""Grows when an older colab-starter could no longer read the record."""
ABOUT = "Written by the template. `colab-starter update` needs this file: commit it, and leave it as it is."

Files = dict[str, bytes]
"""Path in the project, with forward slashes -> content."""


class Record(NamedTuple):
    """What ``.colab-starter.json`` says."""

    version: str
    """The version of colab-starter whose template it was."""
    answers: dict[str, str | bool]
    files: Files


@pass_context
def record_project(context: Context) -> str:
    """The text of the record, for the template of the record itself.

    cookiecutter writes one file after the other, and a hook that reads them all may be switched off. So this renders
    the other files of the project once more.
    """
    answers = {name: answer for name, answer in context["cookiecutter"].items() if not name.startswith("_")}
    return write_record(Record(__version__, answers, _render_files(context))).removesuffix("\n")


def _render_files(context: Context) -> Files:
    from binaryornot.check import is_binary
    from cookiecutter.generate import is_copy_only_path

    loader = context.environment.loader
    assert isinstance(loader, FileSystemLoader)
    folder = Path(loader.searchpath[0])
    files = {}
    for template in sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()):
        path = context.environment.from_string(template).render(context.get_all())
        if path == RECORD or path.endswith("/"):  # cookiecutter leaves out a file whose name is empty
            continue
        if is_copy_only_path(template, context.get_all()) or is_binary(str(folder / template)):
            files[path] = (folder / template).read_bytes()
        else:
            files[path] = context.environment.get_template(template).render(context.get_all()).encode()
    return files


def write_record(record: Record) -> str:
    """The text of a record; the same on every machine, because no two bzip2 differ."""
    files = {path: _as_json(content) for path, content in record.files.items()}
    packed = base64.b64encode(bz2.compress(json.dumps(files, sort_keys=True).encode()))
    content = {
        "about": ABOUT,
        "format": FORMAT,
        "version": record.version,
        "answers": record.answers,
        "files": textwrap.wrap(packed.decode(), 100),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _as_json(content: bytes) -> str | list[str]:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return [base64.b64encode(content).decode()]


def _from_json(value: str | list[str]) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value[0])


def read_record(text: str) -> Record:
    """The record in a text that ``write_record`` wrote. Raises ValueError for any other text."""
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] > FORMAT:
            raise ValueError(f"it was written by colab-starter {content['version']}; this is {__version__}")
        files = json.loads(bz2.decompress(base64.b64decode("".join(content["files"]), validate=True)))
        contents = {path: _from_json(value) for path, value in files.items()}
        record = Record(str(content["version"]), dict(content["answers"]), contents)
    except (LookupError, TypeError, OSError, EOFError, AttributeError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__}: {error})") from error
    for path in record.files:
        check_path(path)
    return record


def check_path(path: str) -> None:
    """Raise ValueError for a path that leaves the project: a record may come from anybody, with a clone."""
    if os.path.isabs(path) or {"", ".", "..", ".git"} & set(path.split("/")) or "\\" in path or ":" in path:
        raise ValueError(f"it is damaged (a file {path!r})")
