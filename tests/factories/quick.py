"""Which of a test's parameters the quick suite tries; the others are marked slow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest

T = TypeVar("T")


def slow_except(values: Iterable[T], *quick: T) -> list[object]:
    """Return parameters for ``pytest.mark.parametrize``, all but the quick ones marked slow."""
    values = list(values)
    unknown = [value for value in quick if value not in values]
    if unknown:
        raise ValueError(f"{unknown} are not among the parameters")
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]
