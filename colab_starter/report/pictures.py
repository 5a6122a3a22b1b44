"""The pictures of executed notebooks, for comparing runs side by side."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PNG = "image/png"
MOST_OF_RUN = 6
"""Of a notebook with more pictures, the last ones are shown: results come at the end."""
LARGEST = 400_000
"""In characters of base64; larger pictures are left out."""
MOST_IN_PAGE = 4_000_000
"""In characters, of all runs together."""
MOST_NOTEBOOKS = 150
"""That are read for their pictures."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


def read_pictures(notebook: Path) -> list[str]:
    """The PNGs among the outputs of an executed notebook, as base64; empty if there are none, or it cannot be read."""
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        found = [picture for cell in cells for output in cell.get("outputs", []) for picture in _find_pictures(output)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    return found[-MOST_OF_RUN:]


def _find_pictures(output: Any) -> Iterator[str]:
    told = output.get("data", {}).get(PNG, "")
    text = "".join("".join(told).split())
    if len(text) <= LARGEST and _BASE64.fullmatch(text):
        yield text


def _has_content(notebook: Path) -> bool:
    """Whether a notebook has content: of those in a store, some are only names here."""
    try:
        return notebook.stat().st_size > 0
    except OSError:
        return False


def gather_pictures(notebooks: Iterable[tuple[int, Path]]) -> dict[int, list[str]]:
    """The pictures of the first notebooks, by the numbers given with them, as far as a page has room for them.

    A notebook without pictures has an empty list; those not read, or for which there is no room, have none.
    """
    found: dict[int, list[str]] = {}
    room = MOST_IN_PAGE
    for place, (number, path) in enumerate(notebooks):
        if place == MOST_NOTEBOOKS or room <= 0:
            break
        if not _has_content(path):
            continue
        pictures = read_pictures(path)
        room -= sum(map(len, pictures))
        if room >= 0:
            found[number] = pictures
    return found
