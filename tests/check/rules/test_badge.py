"""CS310: the badge of a notebook, and the badges of others."""

import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from colab_starter.check import checkout
from tests.check.conftest import Write, codes_in, findings_in, text

IMAGE = "https://colab.research.google.com/assets/colab-badge.svg"


@pytest.fixture(autouse=True)
def forget_repositories() -> None:
    for function in (checkout.find_checkout, checkout._find_root, checkout._read_repository):
        function.cache_clear()


def badge(path: str, repository: str = "ada/lessons") -> str:
    return f"[![Open In Colab]({IMAGE})](https://colab.research.google.com/github/{repository}/blob/main/{path})"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def clone(folder: Path, address: str = "https://github.com/ada/lessons.git") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-b", "main")
    git(folder, "remote", "add", "origin", address)
    return folder


OTHERS = {
    "row of a table": f"| what | where |\n|---|---|\n| clip | {badge('cases/other.ipynb')} |",
    "item of a list": f"- clip {badge('cases/other.ipynb')}\n- the rest",
    "numbered item": f"1. First read {badge('cases/other.ipynb')}",
    "table in HTML": f"<table><tr><td>clip</td></tr><tr><td><a href={IMAGE}>"
    '<a href="https://colab.research.google.com/github/ada/lessons/blob/main/cases/other.ipynb"></a></td></tr></table>',
    "name in braces": badge("cases/{{colabname}}.ipynb"),
    "name in brackets": badge("cases/<notebook>.ipynb"),
    "name of a variable": badge("cases/$NAME.ipynb"),
    "name of somebody's repository": badge("cases/other.ipynb", "your-name/YOUR_REPO"),
}


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS.keys())
def test_badges_of_other_notebooks_and_of_templates_are_left_alone(source: str, write: Write) -> None:
    assert "CS310" not in codes_in(write([text(source), "x = 1"], "cases/this.ipynb"))


def test_a_badge_far_below_is_of_another_notebook(write: Write) -> None:
    below = text(f"Go on with {badge('cases/other.ipynb')}")
    assert "CS310" not in codes_in(write([text("# This"), "x = 1", "y = 2", below], "cases/this.ipynb"))


OWN = {
    "alone": badge("cases/other.ipynb"),
    "row of buttons": f"| {badge('cases/other.ipynb')} | [GitHub](https://github.com/ada/lessons) |\n|---|---|",
    "one row in HTML": f'<table><td><img src="{IMAGE}"><a href="https://colab.research.google.com/github/ada/lessons/'
    'blob/main/cases/other.ipynb">Run in Colab</a></td></table>',
}


@pytest.mark.parametrize("source", OWN.values(), ids=OWN.keys())
def test_a_badge_of_the_notebook_itself_has_to_open_it(source: str, write: Write) -> None:
    (finding,) = findings_in(write([text(source), "x = 1"], "cases/this.ipynb"))
    assert finding.code == "CS310"
    assert "this is cases/this.ipynb" in finding.message


def test_the_path_is_counted_from_the_root_of_the_repository(write: Write, tmp_path: Path) -> None:
    clone(tmp_path)
    wrong = write([text(badge("this.ipynb"))], "deep/er/this.ipynb")
    (finding,) = findings_in(wrong)
    assert "this is deep/er/this.ipynb" in finding.message
    assert findings_in(write([text(badge("deep/er/that.ipynb"))], "deep/er/that.ipynb")) == []
    assert findings_in(write([text(badge("that.ipynb", "fork/lessons"))], "that.ipynb")) == []
    (other,) = findings_in(write([text(badge("that.ipynb", "ada/else"))], "that.ipynb"))
    assert "this is ada/lessons" in other.message


def test_worktrees_and_submodules_are_repositories_too(tmp_path: Path, write: Write) -> None:
    main = clone(tmp_path / "main")
    git(main, "commit", "--allow-empty", "-m", "Begin")
    git(main, "worktree", "add", "../tree")
    inner = clone(tmp_path / "inner")
    git(inner, "commit", "--allow-empty", "-m", "Begin")
    git(main, "submodule", "add", str(inner), "sub")
    git(main / "sub", "remote", "set-url", "origin", "git@github.com:ada/inner.git")

    (in_tree,) = findings_in(write([text(badge("x/a.ipynb"))], "tree/b/a.ipynb"))
    assert "this is b/a.ipynb" in in_tree.message
    (in_submodule,) = findings_in(write([text(badge("sub/b/a.ipynb"))], "main/sub/b/a.ipynb"))
    assert "this is ada/inner" in in_submodule.message


def test_git_is_started_once_for_a_repository(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    clone(tmp_path)
    run = Mock(side_effect=subprocess.run)
    monkeypatch.setattr(subprocess, "run", run)
    for name in ("a.ipynb", "b.ipynb", "one/c.ipynb", "two/d.ipynb"):
        findings_in(write([text(badge(name))], name))
    assert run.call_count == 1


def test_without_git_the_folder_has_to_do(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert findings_in(write([text(badge("elsewhere/a.ipynb"))], "cases/a.ipynb")) == []
    (finding,) = findings_in(write([text(badge("cases/b.ipynb"))], "cases/a.ipynb"))
    assert "this is cases/a.ipynb" in finding.message
