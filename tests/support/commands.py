"""The command, called in the process of the test."""

import sys
from typing import NamedTuple

import pytest

from colab_starter.cli import main


class Ended(NamedTuple):
    """How a command ended."""

    status: object
    out: str
    err: str


def call_command(monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str], *arguments: object) -> Ended:
    """Call ``colab-starter`` with these arguments, as its program does."""
    monkeypatch.setattr(sys, "argv", ["colab-starter", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return Ended(ended.value.code, *captured.readouterr())
