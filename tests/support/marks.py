"""Marks of single parameters."""

from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet


def weekly(*values: Any) -> ParameterSet:
    """A set of parameters that only ``make test-all`` tries, because the others show nearly as much."""
    return pytest.param(*values, marks=pytest.mark.weekly)
