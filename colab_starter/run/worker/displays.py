"""Tracking updated outputs: which of them show a display ID, and its latest content."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode
from nbformat.notebooknode import from_dict


@dataclass
class _Display:
    """The state of a display ID."""

    outputs: dict[int, list[NotebookNode]] = field(default_factory=dict)
    """The outputs that show it, by the index of their cell."""
    news: dict[str, Any] | None = None
    """The content of the last update, if the outputs do not show it yet."""


class Displays:
    """Defers updates until the outputs are read: of 20,000 updates of a display, only the last is applied."""

    def __init__(self) -> None:
        self._displays: dict[str, _Display] = {}
        self._ids: dict[int, set[str]] = {}
        """The display IDs that each cell shows, by its index."""
        self._updated: set[str] = set()

    def add(self, display_id: str, index: int, output: NotebookNode) -> None:
        """Note that a new output of the cell shows the ID."""
        self._displays.setdefault(display_id, _Display()).outputs.setdefault(index, []).append(output)
        self._ids.setdefault(index, set()).add(display_id)

    def update(self, display_id: str, content: dict[str, Any]) -> Collection[int]:
        """Set the content of all outputs with this ID; returns the cells in which that is a change."""
        display = self._displays.get(display_id)
        if display is None:
            return ()
        is_news = display.news is None
        display.news = content
        self._updated.add(display_id)
        return display.outputs.keys() if is_news else ()

    def forget_cell(self, index: int) -> None:
        """Forget a cell whose outputs were cleared."""
        for display_id in self._ids.pop(index, ()):
            display = self._displays[display_id]
            del display.outputs[index]
            if not display.outputs:
                del self._displays[display_id]
                self._updated.discard(display_id)

    def write(self) -> None:
        """Put the updates into the outputs."""
        for display_id in self._updated:
            display = self._displays[display_id]
            news = from_dict(display.news)
            for outputs in display.outputs.values():
                for output in outputs:
                    output.update(data=news["data"], metadata=news["metadata"])
            display.news = None
        self._updated.clear()
