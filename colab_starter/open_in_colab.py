"""The address under which Colab opens a notebook: the badge's in the templates, and ``colab-starter open``'s.

The templates load this file, so it uses only the standard library.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from colab_starter.errors import GitError, NoBranchError, NoGitHubRepositoryError, NoNotebookError

_GITHUB_REMOTE = re.compile(
    r"(?:(?:https?|git|ssh)://(?:[^@/]*@)?|(?:[^@/:]+@)?)"
    r"(?:www\.|ssh\.)?github\.com(?::\d+)?[:/]+"
    r"(?P<repository>[A-Za-z0-9-]+/[A-Za-z0-9._-]+?)(?:\.git)?/*",
    re.IGNORECASE,
)


def colab_url(repository: str, branch: str, path: str) -> str:
    """The address that opens a notebook of a GitHub repository (``owner/repo``) in Colab."""
    return f"https://colab.research.google.com/github/{repository}/blob/{quote(branch)}/{quote(path)}"


class Location(NamedTuple):
    """Where a notebook is on GitHub."""

    repository: str
    """``owner/repo``"""
    branch: str
    """The name on GitHub; the local branch may have another name."""
    path: str
    """Relative to the root of the repository, with forward slashes."""
    warning: str
    """Why Colab would not show the notebook as it is on this machine; empty if it would."""

    @property
    def url(self) -> str:
        return colab_url(self.repository, self.branch, self.path)


def locate_notebook(notebook: Path) -> Location:
    """Where the notebook is on GitHub, according to its git repository on this machine; uses no network.

    Raises NoNotebookError, GitError, NoGitHubRepositoryError or NoBranchError, each with the remedy.
    """
    _check_notebook(notebook)
    folder = notebook.parent
    path = _run_git(folder, "rev-parse", "--show-prefix") + notebook.name
    remote = _find_remote(folder)
    repository = _github_repository(folder, remote)
    branch = _remote_branch(folder, remote)
    return Location(repository, branch, path, _find_unpushed(notebook, remote, branch, path))


def _check_notebook(notebook: Path) -> None:
    if not notebook.exists():
        raise NoNotebookError(f"{notebook} does not exist; give the path of a notebook, e.g. notebooks/keras.ipynb")
    if notebook.is_dir():
        raise NoNotebookError(f"{notebook} is a folder; give one notebook in it, e.g. {notebook / 'keras.ipynb'}")
    if notebook.suffix != ".ipynb":
        raise NoNotebookError(f"{notebook} is not a notebook; give a file that ends in .ipynb")


def _find_remote(folder: Path) -> str:
    """The remote "origin", or the first remote if there is none of that name."""
    remotes = _run_git(folder, "remote").splitlines()
    if not remotes:
        raise NoGitHubRepositoryError(
            "this git repository has no remote; make one on GitHub, then: "
            "git remote add origin https://github.com/OWNER/REPO.git"
        )
    return "origin" if "origin" in remotes else remotes[0]


def _github_repository(folder: Path, remote: str) -> str:
    address = _run_git(folder, "remote", "get-url", remote)
    repository = find_repository(address)
    if not repository:
        shown = re.sub(r"//[^/]*@", "//", address)
        raise NoGitHubRepositoryError(
            f"the remote {remote} is not on GitHub ({shown}), and Colab opens only notebooks from there; "
            "push to GitHub too, or use File > Upload notebook in Colab"
        )
    return repository


def find_repository(address: str) -> str:
    """``owner/repo`` of a git remote's address on GitHub; empty for one elsewhere."""
    match = _GITHUB_REMOTE.fullmatch(address)
    return match["repository"] if match else ""


def _remote_branch(folder: Path, remote: str) -> str:
    """The name that the current branch has on the remote, or will have when it is pushed."""
    branch = _try_git(folder, "symbolic-ref", "--short", "HEAD")
    if branch is None:
        raise NoBranchError("no branch is checked out (detached HEAD); switch to one first, e.g. git switch main")
    upstream = "--format=%(upstream:remotename) %(upstream:remoteref)"
    tracked = _run_git(folder, "for-each-ref", upstream, f"refs/heads/{branch}")
    return tracked.removeprefix(f"{remote} refs/heads/") if tracked.startswith(f"{remote} refs/heads/") else branch


def _find_unpushed(notebook: Path, remote: str, branch: str, path: str) -> str:
    """What is missing on the remote according to git's remote-tracking branch, as of the last push or fetch."""
    pushed = f"refs/remotes/{remote}/{branch}"
    if _try_git(notebook.parent, "cat-file", "-e", f"{pushed}:{path}") is None:
        return (
            f"{path} is not pushed yet to the branch {branch}, so Colab will not find it; git add, git commit, git push"
        )
    if _try_git(notebook.parent, "diff", "--quiet", pushed, "--", notebook.name) is None:
        return (
            f"the changes of {path} are not pushed yet, so Colab shows it without them; git add, git commit, git push"
        )
    return ""


def _run_git(folder: Path, *arguments: str) -> str:
    answer = _call_git(folder, *arguments)
    if answer.returncode == 0:
        return answer.stdout.removesuffix("\n")
    if "not a git repository" in answer.stderr:
        raise GitError(
            f"{folder.resolve()} is in no git repository; push the notebook to GitHub (git init, git add, git commit, "
            "git push), or use File > Upload notebook in Colab"
        )
    reason = " ".join(answer.stderr.split()) or f"status {answer.returncode}"
    raise GitError(f"git {arguments[0]} failed in {folder.resolve()}: {reason}")


def _try_git(folder: Path, *arguments: str) -> str | None:
    """What git printed, or None if it failed."""
    answer = _call_git(folder, *arguments)
    return answer.stdout.removesuffix("\n") if answer.returncode == 0 else None


def _call_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except FileNotFoundError:
        raise GitError(
            "git is not installed (or not on PATH); install it, or use File > Upload notebook in Colab"
        ) from None
