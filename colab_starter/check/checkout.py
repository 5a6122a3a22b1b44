"""Where a folder is on GitHub, going by the git repository around it."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from colab_starter.open_in_colab import find_repository


class Checkout(NamedTuple):
    """A folder of a clone of a GitHub repository."""

    repository: str
    """``owner/repo``"""
    folder: str
    """From the root of the repository, with forward slashes, such as ``notebooks/``; empty for the root."""


@cache
def find_checkout(folder: Path) -> Checkout | None:
    """Where a folder is on GitHub; None outside of git, without a remote on GitHub, and where git is missing.

    Git is started once for each repository, not for each folder.
    """
    folder = folder.resolve()
    root = _find_root(folder)
    repository = _read_repository(root) if root else ""
    if not (root and repository):
        return None
    inside = folder.relative_to(root).as_posix()
    return Checkout(repository, "" if inside == "." else f"{inside}/")


@cache
def _find_root(folder: Path) -> Path | None:
    """The nearest folder that git works in: a clone, a worktree or a submodule (where .git is a file)."""
    git = folder / ".git"
    if git.is_file() or (git / "HEAD").is_file():
        return folder
    return _find_root(folder.parent) if folder.parent != folder else None


@cache
def _read_repository(root: Path) -> str:
    """The GitHub repository of the remote "origin", or of the first if none has that name; empty if there is none."""
    import subprocess

    try:
        answer = subprocess.run(
            ["git", "remote", "--verbose"], cwd=root, capture_output=True, encoding="utf-8", errors="surrogateescape"
        )
    except OSError:
        return ""
    lines = [line.split() for line in answer.stdout.splitlines()]
    remotes = {words[0]: words[1] for words in reversed(lines) if len(words) > 1}
    first = lines[0][0] if lines and lines[0] else ""
    return find_repository(remotes.get("origin", remotes.get(first, "")))
