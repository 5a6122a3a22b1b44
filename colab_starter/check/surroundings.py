"""What findings may depend on besides the content of the notebook; a cached finding holds as long as it is the same."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from colab_starter.check.checkout import find_checkout
from colab_starter.notebook.model import list_names


def _describe_names(path: Path) -> object:
    return _digest(list_names(path.parent))


@lru_cache(maxsize=64)
def _digest(names: frozenset[str]) -> str:
    return blake2b("/".join(sorted(names)).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _describe_checkout(path: Path) -> object:
    return find_checkout(path.parent), path.absolute().parent.name, path.name


SURROUNDINGS: Mapping[str, Callable[[Path], object]] = {"beside": _describe_names, "checkout": _describe_checkout}
"""The names that a rule may put into ``Notebook.looks``, and what is read for them; each answer has a stable repr."""
