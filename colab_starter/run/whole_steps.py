"""Steps for tools that count them in whole numbers: TensorBoard, MLflow and Optuna."""

from collections import defaultdict
from collections.abc import Collection
from typing import Self

_LARGEST = 2.0**53
"""Above this, floats do not hold every whole number."""


class WholeSteps:
    """Gives every point of a metric a whole step.

    A whole step stays as it is. From its first fractional step on, a metric's points are counted instead: 0.5, 1, 1.5
    become 0, 1, 2.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = defaultdict(lambda: -1)
        self._counted: set[str] = set()

    def take(self, name: str, step: float) -> int:
        """The step for the next point of a metric."""
        if name not in self._counted and (step != step // 1 or abs(step) > _LARGEST):
            self._counted.add(name)
        self._last[name] = self._last[name] + 1 if name in self._counted else int(step)
        return self._last[name]

    def go_on(self, without: Collection[str]) -> Self:
        """Steps that go on from these, except for metrics that begin anew."""
        steps = type(self)()
        steps._last.update({name: last for name, last in self._last.items() if name not in without})
        steps._counted |= self._counted - {*without}
        return steps
