"""One list of backends; the rest of the package knows none of them by name."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from colab_starter.errors import WrongOptionError
from colab_starter.run.backends.options import BackendOptions, Flag, OpenBackend
from colab_starter.run.backends.registry import BACKENDS, add_backend_options, make_backend_options
from tests.conftest import REPOSITORY

RUN = REPOSITORY / "colab_starter/run"


@dataclass(frozen=True)
class FourthOptions(BackendOptions):
    """A backend that exists only here."""

    name: ClassVar[str] = "fourth"

    queue: Annotated[str | None, Flag("the queue.", metavar="NAME")] = None
    workers: Annotated[int, Flag("how many.", min=2)] = 2
    greedy: Annotated[bool, Flag("take all.")] = False

    def check(self) -> OpenBackend:
        raise NotImplementedError


@pytest.fixture
def _fourth(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(BACKENDS, dict)
    monkeypatch.setitem(BACKENDS, "fourth", FourthOptions)


@pytest.mark.usefixtures("_fourth")
def test_a_fourth_backend_has_its_options_on_the_command_line_without_a_line_elsewhere() -> None:
    def command(name: str, backend: str = "local", backend_options: Mapping[str, Any] | None = None) -> None:
        """Do it."""
        print(name, make_backend_options(backend, backend_options or {}))

    app = typer.Typer()
    app.command()(add_backend_options(command))
    say = CliRunner().invoke
    well = say(app, ["me", "--backend", "fourth", "--queue", "long", "--greedy"])
    assert well.stdout == "me FourthOptions(queue='long', workers=2, greedy=True)\n"
    assert say(app, ["me", "--backend", "fourth", "--workers", "1"]).exit_code == 2
    assert "fourth: the queue." in say(app, ["--help"]).stdout
    wrong = say(app, ["me", "--queue", "long"])
    assert str(wrong.exception) == "--queue is for --backend fourth only"


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backend_has_what_was_given_and_the_defaults_for_the_rest(name: str) -> None:
    made = make_backend_options(name, {one.name: one.default for kind in BACKENDS.values() for one in fields(kind)})
    assert made == BACKENDS[name]()


def test_an_option_that_several_backends_have_is_refused_by_the_others_with_their_names() -> None:
    assert make_backend_options("ray", {"gpus": "none"}) == BACKENDS["ray"](**{"gpus": "none"})
    with pytest.raises(WrongOptionError, match="--gpus is for --backend local or ray only"):
        make_backend_options("colab", {"gpus": "none"})


def test_an_unknown_backend_is_refused_with_those_there_are() -> None:
    with pytest.raises(WrongOptionError, match="'dask' is not a backend; choose one of local, ray, jupyter, colab"):
        make_backend_options("dask", {})


def test_nothing_outside_of_the_backends_compares_a_backends_name() -> None:
    found = []
    for path in sorted(RUN.rglob("*.py")):
        if "backends" in path.relative_to(RUN).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare | ast.MatchValue) and set(find_texts(node)) & set(BACKENDS):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def find_texts(node: ast.AST) -> list[str]:
    return [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_that_comparison_would_be_found() -> None:
    (found,) = [
        node for node in ast.walk(ast.parse("if options.backend != 'colab': pass")) if isinstance(node, ast.Compare)
    ]
    assert find_texts(found) == ["colab"]
