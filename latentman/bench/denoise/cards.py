"""GPUs by the numbers of their makers: what a floor in seconds is computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Card:
    """Peak 10^12 dense operations a second in half precision with sums in fp32, 10^9 bytes a second, 10^9 bytes."""

    tflops: float
    bandwidth: float
    memory: float

    @property
    def full_tflops(self) -> float:
        """The peak in TF32, in which fp32 networks are multiplied: half of that in half precision on all of them."""
        return self.tflops / 2

    def floor(self, half_tflop: float, full_tflop: float, weights: float) -> float:
        """Return the fewest seconds for arithmetic in both precisions, and for reading the weights once.

        Args:
            half_tflop: 10^12 operations in half precision.
            full_tflop: 10^12 operations in fp32.
            weights: 10^9 bytes of the networks.
        """
        return max(half_tflop / self.tflops + full_tflop / self.full_tflops, weights / self.bandwidth)


CARDS: Mapping[str, Card] = MappingProxyType({
    "RTX 3060": Card(25.5, 360.0, 12.0),
    "RTX 4090": Card(165.2, 1008.0, 24.0),
    "A100 40GB": Card(312.0, 1555.0, 40.0),
    "A100 80GB": Card(312.0, 2039.0, 80.0),
    "H100": Card(989.4, 3350.0, 80.0),
    "H200": Card(989.4, 4800.0, 141.0),
})  # fmt: skip
"""From the data sheets, without sparsity and at the listed boost clock; A100, H100 and H200 in their SXM form."""
