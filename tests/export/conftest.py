"""Calling ``colab-starter export`` in this process."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from colab_starter import cli


class Answer(NamedTuple):
    status: int
    out: str
    err: str


Export = Callable[..., Answer]


@pytest.fixture
def export(capsys: pytest.CaptureFixture[str]) -> Export:
    def call(*arguments: object) -> Answer:
        status = cli.run_command(["export", *map(str, arguments)], debug=False)
        captured = capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    return call
