"""The Colab address of a notebook, read from real git repositories."""

from pathlib import Path

import pytest

from colab_starter.errors import ColabStarterError, GitError, NoBranchError, NoGitHubRepositoryError, NoNotebookError
from colab_starter.open_in_colab import colab_url, locate_notebook
from tests.conftest import git

GITHUB = "https://github.com/ada/digits.git"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one notebook, committed on main, whose origin is on GitHub; pushes go to a folder."""
    git("init", "--bare", "github", cwd=tmp_path)
    git("init", "project", cwd=tmp_path)
    folder = tmp_path / "project"
    git("remote", "add", "origin", GITHUB, cwd=folder)
    git("config", f"url.{tmp_path}/github.pushInsteadOf", GITHUB, cwd=folder)
    (folder / "notebooks").mkdir()
    (folder / "notebooks/keras.ipynb").write_text("{}")
    git("add", "--all", cwd=folder)
    git("commit", "--message", "A notebook", cwd=folder)
    return folder


@pytest.fixture
def notebook(project: Path) -> Path:
    return project / "notebooks/keras.ipynb"


def test_the_address_is_quoted() -> None:
    url = colab_url("ada/digits", "feature/#1", "my notebooks/ä.ipynb")
    expected = "ada/digits/blob/feature/%231/my%20notebooks/%C3%A4.ipynb"
    assert url == f"https://colab.research.google.com/github/{expected}"


def test_repository_branch_and_path_come_from_git(notebook: Path) -> None:
    location = locate_notebook(notebook)
    assert location.url == "https://colab.research.google.com/github/ada/digits/blob/main/notebooks/keras.ipynb"


def test_from_any_folder(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(notebook.parent)
    assert locate_notebook(Path("keras.ipynb")).path == "notebooks/keras.ipynb"
    monkeypatch.chdir("..")
    assert locate_notebook(Path("notebooks/keras.ipynb")).path == "notebooks/keras.ipynb"


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/ada/digits",
        "https://github.com/ada/digits/",
        "https://www.github.com/ada/digits.git",
        "https://ada:secret@github.com/ada/digits.git",
        "https://GitHub.com/ada/digits.git",
        "git@github.com:ada/digits.git",
        "git@github.com:/ada/digits",
        "github.com:ada/digits.git",
        "ssh://git@github.com/ada/digits.git",
        "ssh://git@ssh.github.com:443/ada/digits.git",
        "git://github.com/ada/digits.git",
    ],
)
def test_every_form_of_a_github_remote(project: Path, notebook: Path, remote: str) -> None:
    git("remote", "set-url", "origin", remote, cwd=project)
    assert locate_notebook(notebook).repository == "ada/digits"


@pytest.mark.parametrize("name", ["a.b", "digits.github.io", "a_b-c"])
def test_repository_names_with_dots(project: Path, notebook: Path, name: str) -> None:
    git("remote", "set-url", "origin", f"git@github.com:ada/{name}.git", cwd=project)
    assert locate_notebook(notebook).repository == f"ada/{name}"


@pytest.mark.parametrize(
    "remote",
    ["https://gitlab.com/ada/digits.git", "https://ada:secret@notgithub.com/ada/digits.git", "/srv/git/digits.git"],
)
def test_a_remote_elsewhere_is_refused_and_no_password_is_shown(project: Path, notebook: Path, remote: str) -> None:
    git("remote", "set-url", "origin", remote, cwd=project)
    with pytest.raises(NoGitHubRepositoryError, match="the remote origin is not on GitHub") as error:
        locate_notebook(notebook)
    assert "secret" not in str(error.value)


def test_another_remote_where_there_is_no_origin(project: Path, notebook: Path) -> None:
    git("remote", "rename", "origin", "upstream", cwd=project)
    assert locate_notebook(notebook).repository == "ada/digits"


def test_the_branchs_name_on_github_counts(project: Path, notebook: Path) -> None:
    git("switch", "--create", "local-name", cwd=project)
    assert locate_notebook(notebook).branch == "local-name"
    git("push", "--set-upstream", "origin", "local-name:feature/on-github", cwd=project)
    assert locate_notebook(notebook).branch == "feature/on-github"


def test_no_warning_once_it_is_pushed(project: Path, notebook: Path) -> None:
    assert "is not pushed yet to the branch main" in locate_notebook(notebook).warning
    git("push", "origin", "main", cwd=project)
    assert locate_notebook(notebook).warning == ""


def test_changes_that_are_not_pushed_are_told(project: Path, notebook: Path) -> None:
    git("push", "origin", "main", cwd=project)
    notebook.write_text('{"cells": []}')
    assert "Colab shows it without them" in locate_notebook(notebook).warning
    git("commit", "--all", "--message", "Change", cwd=project)
    assert "Colab shows it without them" in locate_notebook(notebook).warning


def test_a_notebook_that_git_does_not_know_yet(project: Path) -> None:
    git("push", "origin", "main", cwd=project)
    (project / "new ä.ipynb").write_text("{}")
    location = locate_notebook(project / "new ä.ipynb")
    assert location.path == "new ä.ipynb"
    assert "git add" in location.warning


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git("init", cwd=tmp_path)
    git("remote", "add", "origin", GITHUB, cwd=tmp_path)
    (tmp_path / "a.ipynb").write_text("{}")
    assert locate_notebook(tmp_path / "a.ipynb").branch == "main"


def test_a_detached_head(project: Path, notebook: Path) -> None:
    git("switch", "--detach", cwd=project)
    assert_one_line(notebook, NoBranchError, "git switch main")


def test_no_remote(project: Path, notebook: Path) -> None:
    git("remote", "remove", "origin", cwd=project)
    assert_one_line(notebook, NoGitHubRepositoryError, "git remote add origin https://github.com/OWNER/REPO.git")


def test_no_git_repository(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    assert_one_line(tmp_path / "a.ipynb", GitError, "is in no git repository; push the notebook to GitHub")


def test_a_repository_that_git_refuses(project: Path, notebook: Path) -> None:
    (project / ".git/config").write_text("[broken")
    assert_one_line(notebook, GitError, "bad config")


def test_git_is_not_installed(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(notebook.parent))
    assert_one_line(notebook, GitError, "git is not installed")


def test_paths_that_are_no_notebook(project: Path) -> None:
    (project / "notes.txt").write_text("")
    assert_one_line(project / "missing.ipynb", NoNotebookError, "does not exist; give the path of a notebook")
    assert_one_line(project / "notebooks", NoNotebookError, "is a folder; give one notebook in it")
    assert_one_line(project / "notes.txt", NoNotebookError, "give a file that ends in .ipynb")


def assert_one_line(notebook: Path, error: type[ColabStarterError], remedy: str) -> None:
    with pytest.raises(error) as raised:
        locate_notebook(notebook)
    assert remedy in str(raised.value)
    assert "\n" not in str(raised.value)
