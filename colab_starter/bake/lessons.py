"""The lessons of a chosen preset, and the packages they need."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from colab_starter.bake.answers import split_packages
from colab_starter.bake.badges import open_badges

Lessons = Mapping[str, Mapping[str, Any]]
"""The table of ``templates/lessons.json``. A lesson's entry holds its

- ``title`` and ``summary``: text;
- ``learn`` and ``time`` (may be missing): what one learns, a list of Markdown lines, and how long it takes;
- ``accelerator``: what the answer "auto" means for it;
- ``pip``: the name it imports -> what pip installs if that is missing;
- ``also`` (optional): what else it needs, for which the first cells do not look;
- ``apt``: the program it calls -> its Debian package;
- ``cpu_seconds``: how long it runs on two CPU cores without a network, measured with papermill
  on 2026-11-23.
"""


class Selection(NamedTuple):
    """The lessons of a project, and all packages that they and the user need, without duplicates."""

    lessons: Lessons
    pip: list[str]
    apt: list[str]


def select_lessons(table: Lessons, answers: Mapping[str, Any]) -> Selection:
    """The selection for the answers to ``preset``, ``extra_pip_packages`` and ``extra_apt_packages``."""
    preset = answers["preset"]
    lessons = table if preset == "all" else {preset: table[preset]}
    pip = [package for about in lessons.values() for package in _pip_packages(about)]
    apt = [package for about in lessons.values() for package in about["apt"].values()]
    return Selection(
        lessons,
        _each_once(pip + split_packages(answers["extra_pip_packages"])),
        _each_once(apt + split_packages(answers["extra_apt_packages"])),
    )


def _pip_packages(about: Mapping[str, Any]) -> list[str]:
    return [*about["pip"].values(), *about.get("also", [])]


def _each_once(packages: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(packages))


def lessons_table(lessons: Lessons, repository: str, branch: str) -> str:
    """A Markdown table of the notebooks, with badges if there is a repository."""
    rows = [["Notebook", "What it does", "Open"], ["---"] * 3]
    for name, about in lessons.items():
        path = f"notebooks/{name}.ipynb"
        rows.append([f"[{about['title']}]({path})", about["summary"], open_badges(repository, branch, path)])
    columns = 3 if repository else 2
    return "".join(f"| {' | '.join(row[:columns])} |\n" for row in rows)
