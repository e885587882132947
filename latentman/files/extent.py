"""A network's configuration asks for no more than its weights could hold.

A network is built, without numbers, before its tensors are compared with those of its files. A configuration with a
wrong number would make that last for hours, or take more memory than there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latentman.errors import WeightsError

MOST, DEEPEST, LONGEST = 2**16, 200, 1000
"""What a number, a number of layers and a list's length may be, whatever the weights' shapes. All are far above those
of published networks."""


def check_extent(file: Path, config: Mapping[str, Any], shapes: Sequence[Sequence[int]]) -> None:
    """Refuse a configuration with more layers than tensors, with sizes above every dimension, or with endless lists.

    Args:
        file: the configuration, for the message.
        config: what it holds.
        shapes: of the tensors in the weights; none where they are elsewhere or unknown, as a scheduler's.

    Raises:
        WeightsError: naming the key.
    """
    widest = max((size for shape in shapes for size in shape), default=0)
    for key, value in _numbers(config):
        limit = (len(shapes) or DEEPEST) if "layers" in key else max(widest, MOST)
        if abs(value) > limit:
            raise WeightsError(
                f"{file}: {key}={str(value)[:40]} asks for more than its weights hold (at most {limit}); fetch it again"
            )


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a configuration under the key that is nearest above it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _numbers(item, str(name))
    elif isinstance(value, (list, tuple)):
        if len(value) > LONGEST:
            yield f"entries of {key}", math.inf
        for item in value:
            yield from _numbers(item, key)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield key, value
