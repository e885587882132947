"""Arithmetic and memory of a computation without computing it: the graph is walked with tensors that have no numbers.

On torch's device ``meta`` every operation returns a shape. Arithmetic is counted by torch's own formulas, as where
numbers are computed. Memory is the bytes of the tensors that are alive, which are let go of as always. Attention is
taken as a fused kernel has it: its weights are not stored, and computed again in the backward pass.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from latentman.bench.denoise.measure import Arithmetic

_aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Counted:
    """10^12 multiplications and additions of products of half precision and of fp32, and the peak of live bytes.

    ``peak`` is what the computation adds to the tensors that it starts from.
    """

    half_tflop: float
    full_tflop: float
    peak: int

    @property
    def tflop(self) -> float:
        """10^12 multiplications and additions."""
        return self.half_tflop + self.full_tflop


def counted(work: Callable[[], object]) -> Counted:
    """Return the arithmetic and the peak memory of work on tensors of the device ``meta``."""
    with on_paper() as paper:
        work()
    return Counted((paper.operations - paper.full) / 1e12, paper.full / 1e12, paper.peak)


@contextmanager
def on_paper() -> Iterator[OnPaper]:
    """Count what a block of code does on the device ``meta``."""
    paper = OnPaper()
    with _FusedAttention(), paper:
        yield paper


class OnPaper(Arithmetic):
    """Counts operations, those of fp32 among them, and the bytes of tensors that are alive.

    What the host asks of a tensor without numbers is answered with yes: latents are finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.full = self.alive = self.peak = 0
        self._living: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation on shapes, and count it."""
        kwargs = dict(kwargs or {})
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        if any(x.is_meta for x in given):
            if func is _aten._local_scalar_dense.default:
                return True
            if func is _aten._to_copy.default:  # to the host, too, there are no numbers to take
                kwargs["device"] = torch.device("meta")
        before = self.operations
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if self.operations > before and given[0].dtype == torch.float32:
            self.full += self.operations - before
        self._watch(given, out)
        return out

    def _watch(self, given: list[Tensor], out: Any) -> None:
        """Add the memory of new tensors until they are let go of; views and changed arguments have no own one."""
        old = {x.untyped_storage()._cdata for x in given if x.is_meta}
        for x in tree_leaves(out):
            if not isinstance(x, Tensor) or not x.is_meta:
                continue
            storage = x.untyped_storage()
            key = storage._cdata
            if key in old or key in self._living:
                continue
            self._living[key] = storage.nbytes()
            self.alive += self._living[key]
            weakref.finalize(storage, self._let_go, key)
        self.peak = max(self.peak, self.alive)

    def _let_go(self, key: int) -> None:
        self.alive -= self._living.pop(key)


class _FusedAttention(TorchFunctionMode):
    """Attention by one kernel, which torch chooses only for devices that have one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is not scaled_dot_product_attention or not args[0].is_meta:
            return func(*args, **kwargs)
        assert kwargs.get("attn_mask") is None, "no attention of a step has a mask"
        out, _ = _aten._scaled_dot_product_flash_attention_for_cpu(*args[:3], 0.0, False, scale=kwargs.get("scale"))
        return out
