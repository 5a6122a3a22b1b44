"""Making small notebooks, and checking them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colab_starter.check.findings import Finding, check_file
from colab_starter.check.rules import RULES
from colab_starter.check.select import select_rules
from colab_starter.runtimes import load_runtime
from tests.conftest import make_folder

Cells = list[str | dict[str, Any]]
Write = Callable[..., Path]

LATEST = load_runtime("latest")
USUAL_RULES = select_rules(RULES, [], [])
ALL_RULES = list(RULES)


def code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [], "source": source}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def parameters(source: str) -> dict[str, Any]:
    return code(source, tags=["parameters"])


def notebook_of(cells: Cells, **changes: Any) -> dict[str, Any]:
    """A notebook of nbformat 4.5; a cell that is a string is a code cell."""
    built = [code(cell) if isinstance(cell, str) else dict(cell) for cell in cells]
    for number, cell in enumerate(built, 1):
        cell.setdefault("id", f"cell-{number}")
        cell["source"] = cell["source"].splitlines(keepends=True)
    return {"cells": built, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a notebook of cells, or a text, into a file; returns its path."""

    def write_notebook(content: Cells | str, name: str = "lesson.ipynb", **changes: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, str) else json.dumps(notebook_of(content, **changes), indent=1)
        path.write_text(raw, encoding="utf-8", newline="")
        return path

    return write_notebook


def findings_in(path: Path, runtime: str = "latest") -> list[Finding]:
    """What the rules find that run without being asked for."""
    return check_file(path, USUAL_RULES, load_runtime(runtime))


def codes_in(path: Path, runtime: str = "latest") -> list[str]:
    return [finding.code for finding in findings_in(path, runtime)]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder for caches, of this test alone."""
    folder = make_folder(tmp_path_factory, "cache")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder)
    return folder
