"""The presets for a new project, as ``colab-starter list`` shows them."""

import json
from typing import NamedTuple

from colab_starter.bake.generate import find_template, read_questions


class Preset(NamedTuple):
    """One line of the list."""

    name: str
    title: str
    summary: str
    accelerator: str | None
    """What "auto" means for it, "none" for the CPU; None if each notebook has its own."""
    cpu_seconds: int
    """The run time on two CPU cores without a network, from templates/lessons.json."""


def read_presets() -> list[Preset]:
    """All presets, in the order of cookiecutter.json."""
    questions = read_questions()
    lessons = json.loads((find_template() / "templates/lessons.json").read_text(encoding="utf-8"))
    presets = [
        Preset(name, about["title"], about["summary"], about["accelerator"], about["cpu_seconds"])
        for name, about in lessons.items()
    ]
    title = questions["__prompts__"]["preset"]["all"].removeprefix("all: ").capitalize()
    every = Preset("all", title, "", None, sum(one.cpu_seconds for one in presets))
    return sorted([*presets, every], key=lambda preset: questions["preset"].index(preset.name))


def presets_table(presets: list[Preset], width: int | None = None) -> str:
    """The presets, one line each, cut to ``width`` characters (None: not cut)."""
    lines = [f"{'PRESET':10}{'MACHINE':9}{'ON 2 CPUS':>9}  WHAT IT TEACHES"]
    for preset in presets:
        machine = {"none": "CPU", None: "each own"}.get(preset.accelerator, preset.accelerator)
        lines.append(f"{preset.name:10}{machine:9}{preset.cpu_seconds:7} s  {_what(preset)}")
    return "\n".join(_cut(line, width) for line in lines)


def _what(preset: Preset) -> str:
    return f"{preset.title}: {preset.summary}" if preset.summary else preset.title


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else f"{line[: width - 3]}..."
