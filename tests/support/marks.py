"""Marks of single parameters."""

from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def weekly(*values: Any) -> ParameterSet:
    """A set of parameters that only ``make test-all`` tries, because the others show nearly as much."""
    return pytest.param(*values, marks=pytest.mark.weekly)


def seeds(daily: int, total: int) -> list[int | ParameterSet]:
    """The numbers below ``total``, of which only those below ``daily`` are tried each day."""
    return [seed if seed < daily else weekly(seed) for seed in range(total)]
