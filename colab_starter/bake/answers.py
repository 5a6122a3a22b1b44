"""Checking the answers to the free-text questions of cookiecutter.json."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from colab_starter.bake.errors import BadAnswerError

SLUG_LENGTH = 100
"""In characters; file systems allow 255 bytes per name, and Colab shows about 40."""

_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_RESERVED_ON_WINDOWS = re.compile(r"(?i)(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?")
_DRIVE_PART = re.compile(r"""[^/\\'"<>|?*:$`\x00-\x1f\x7f]+""")
_VERSION = r"(?:===?|~=|!=|<=?|>=?)[A-Za-z0-9][A-Za-z0-9.*+!_-]*"
_PIP_PACKAGE = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
    r"(?:\[[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*\])?"
    rf"(?:{_VERSION}(?:,{_VERSION})*)?"
)
_APT_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
_GITHUB_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?github\.com/([^/\s]+/[^/\s]+?)(?:\.git)?/*", re.IGNORECASE)
_MY_DRIVE = re.compile(r"(?:/?content/drive/)?(?:My ?Drive|我的云端硬盘)/+")
_BRANCH = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/+#-]*[A-Za-z0-9_+#-])?")


def split_packages(answer: str) -> list[str]:
    """The packages in an answer such as ``einops timm>=1.0, rich``, in order, without duplicates."""
    names = re.split(r"\s*,\s+|\s+", answer.strip(" ,"))
    return list(dict.fromkeys(filter(None, names)))


def normalize_answer(answer: str, question: str) -> str:
    """The form of an answer that the templates expect; other answers are returned unchanged.

    A repository may be given by its address (``https://github.com/ada/digits`` is ``ada/digits``), a folder on Google
    Drive by its path on Colab (``My Drive/digits`` and ``/content/drive/MyDrive/digits`` are ``digits``).
    """
    if question == "github_repository" and (address := _GITHUB_ADDRESS.fullmatch(answer.strip())):
        return address[1]
    return _MY_DRIVE.sub("", answer, count=1) if question == "drive_folder" and _MY_DRIVE.match(answer) else answer


def check_answer(answer: str, question: str) -> None:
    """Raise BadAnswerError, with a one-line message, unless the answer fits the question."""
    if not _is_text(str(answer)):
        raise BadAnswerError(f"{question} {_shown(answer)} cannot be used: it has characters that no file can hold")
    remedy = _CHECKS[question](normalize_answer(str(answer), question))
    if remedy:
        raise BadAnswerError(f"{question} {_shown(answer)} cannot be used: {remedy}")


def _is_text(answer: str) -> bool:
    """Whether a UTF-8 file can hold it, with no control characters but white space.

    A terminal with another encoding gives lone surrogates.
    """
    return not any(unicodedata.category(letter) in ("Cc", "Cs") and not letter.isspace() for letter in answer)


def _shown(answer: str) -> str:
    text = repr(str(answer))
    return text if len(text) <= 60 else f"{text[:56]}...{text[-1]}"


def _name_remedy(name: str) -> str | None:
    return None if name.strip() else "give your notebooks a title, e.g. Digits"


def _slug_remedy(slug: str) -> str | None:
    if len(slug) > SLUG_LENGTH:
        return f"it has {len(slug)} characters; use at most {SLUG_LENGTH}"
    if not _SLUG.fullmatch(slug):
        return "use letters, digits, '-', '_' and '.', starting with a letter or digit, e.g. my-notebooks"
    if _RESERVED_ON_WINDOWS.fullmatch(slug):
        return "Windows reserves this name; add a word, e.g. my-notebooks"
    return None


def _drive_folder_remedy(folder: str) -> str | None:
    parts = folder.split("/")
    if any(part.strip(" .") == "" or not _DRIVE_PART.fullmatch(part) for part in parts):
        return "give a folder inside My Drive, without '..' or special characters, e.g. Colab Notebooks/digits"
    if len(folder) > 200:
        return "use at most 200 characters"
    return None


def _packages_remedy(pattern: re.Pattern[str], example: str) -> Callable[[str], str | None]:
    def remedy(answer: str) -> str | None:
        for package in split_packages(answer):
            if not pattern.fullmatch(package):
                return f"{_shown(package)} is not a package name; separate names with spaces, e.g. {example}"
        return None

    return remedy


def _repository_remedy(repository: str) -> str | None:
    name = repository.rpartition("/")[2]
    if repository and (not _REPOSITORY.fullmatch(repository) or not name.strip(".")):
        return "write owner/repo, e.g. ada/digits, or leave it empty"
    return None


def _branch_remedy(branch: str) -> str | None:
    if not _BRANCH.fullmatch(branch) or ".." in branch or "//" in branch or branch.endswith(".lock"):
        return "write the name of a git branch, e.g. main"
    return None


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "project_name": _name_remedy,
    "project_slug": _slug_remedy,
    "drive_folder": _drive_folder_remedy,
    "extra_pip_packages": _packages_remedy(_PIP_PACKAGE, "einops timm>=1.0"),
    "extra_apt_packages": _packages_remedy(_APT_PACKAGE, "ffmpeg libsndfile1"),
    "github_repository": _repository_remedy,
    "github_branch": _branch_remedy,
}
