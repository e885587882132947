"""A second device, pretended on the CPU: its tensors refuse to meet those of the host, and copies are counted.

A tensor of the device is a wrapper around one of the host, which computes for it. Outside the wrapper it behaves as a
GPU's does: it has a device of its own, cannot become an array, and an operation over tensors of both sides raises
:class:`MixedDevicesError`. The mode is stricter than a GPU in one respect: what CUDA copies without being asked (an
index or an assigned value of the host) raises too. Single numbers of the host may enter element-wise operations, which
CUDA hands to its kernels without a copy. Like MPS, the device has no float64.

It needs torch's device for backends in Python (torch 2.9 and later).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
import torch.utils.backend_registration as registration
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

KIND = "pretended"
CPU = torch.device("cpu")

_register = getattr(registration, "_setup_privateuseone_for_python_backend", None)
IS_SUPPORTED = _register is not None

_aten = torch.ops.aten
_READS = {
    _aten._local_scalar_dense.default, _aten.is_nonzero.default, _aten.equal.default, _aten.nonzero.default,
    _aten.masked_select.default, _aten._unique2.default, _aten.unique_dim.default, _aten.unique_consecutive.default,
    _aten.repeat_interleave.Tensor, _aten.bincount.default,
}  # fmt: skip
"""Operations whose result, or its length, the host waits for."""

_INDEXING = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default, _aten._index_put_impl_.default}
_DRAWS = ("rand", "randn", "randint", "randperm", "normal", "uniform", "bernoulli", "multinomial", "exponential")


_LIBRARIES: list[Any] = []
"""Registered kernels, which live as long as what holds them."""


class MixedDevicesError(RuntimeError):
    """An operation met tensors of both devices, or does what some device cannot or should not do."""


class OnDevice(Tensor):
    """A tensor of the pretended device; ``host`` holds its numbers."""

    host: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, host: Tensor) -> OnDevice:
        made: OnDevice = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, host.size(), strides=host.stride(), storage_offset=host.storage_offset(), dtype=host.dtype,
            layout=host.layout, device=pretended_device(),
        )  # fmt: skip
        made.host = host
        return made

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["host"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, Tensor], _meta: None, _size: Any, _stride: Any) -> OnDevice:
        return OnDevice(inner["host"])

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with pretending():
            return func(*args, **(kwargs or {}))


@dataclass
class Copies:
    """The copies between the host and the device so far, by the operation that made them."""

    to_device: list[str] = field(default_factory=list)
    to_host: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.to_device) + len(self.to_host)

    def clear(self) -> None:
        self.to_device.clear()
        self.to_host.clear()


@cache
def pretended_device() -> torch.device:
    """Return the device, which a process registers once."""
    assert _register is not None
    module = ModuleType(f"torch.{KIND}")
    module.__dict__.update(
        is_available=lambda: True, current_device=lambda: 0, device_count=lambda: 1, _is_in_bad_fork=lambda: False,
        get_amp_supported_dtype=lambda: [torch.bfloat16, torch.float16], manual_seed_all=lambda seed: None,
        get_rng_state=lambda device=0: torch.zeros(1, dtype=torch.uint8), set_rng_state=lambda state, device=0: None,
        synchronize=lambda device=None: None,
    )  # fmt: skip
    _register(KIND, module)
    _let_autocast_cast()
    return torch.device(KIND, 0)


def _let_autocast_cast() -> None:
    """Let products and convolutions under ``torch.autocast`` of the device run in its precision, as CUDA's do."""
    key = "AutocastPrivateUse1"
    everything, aten = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(torch.library.fallthrough_kernel, key)
    for name in ("linear", "matmul", "conv1d", "conv2d", "scaled_dot_product_attention"):
        aten.impl(name, partial(_cast, getattr(_aten, name)), key)
    _LIBRARIES.extend((everything, aten))


def _cast(operation: Any, *args: Any, **kwargs: Any) -> Any:
    dtype = torch.get_autocast_dtype(KIND)
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)):
        cast = [x.to(dtype) if isinstance(x, Tensor) and x.dtype == torch.float32 else x for x in args]
        return operation(*cast, **kwargs)


class _Pretending(TorchDispatchMode):
    def __init__(self, copies: Copies, training: bool) -> None:
        super().__init__()
        self.copies, self.training = copies, training

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        target = kwargs.get("device")
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        on_device = [x for x in tensors if isinstance(x, OnDevice)]
        goes_there = bool(on_device) if target is None else torch.device(target).type == KIND
        self._count_and_check(func, tensors, on_device, goes_there, args)
        if goes_there and not self.training:
            _refuse_draws(func, kwargs)
        if target is not None:
            kwargs["device"] = CPU
        elif func is _aten._to_copy.default:
            goes_there = bool(on_device)
        out = func(*_on_host(args), **_on_host(kwargs))
        if not goes_there:
            return out
        if not self.training and any(isinstance(x, Tensor) and x.dtype == torch.float64 for x in tree_leaves(out)):
            raise MixedDevicesError(f"{func} makes float64 on the device, which MPS does not have")
        out = tree_map_only(Tensor, OnDevice, out)
        return out if target is not None else return_and_correct_aliasing(func, args, kwargs, out)

    def _count_and_check(
        self, func: Any, tensors: list[Tensor], on_device: list[OnDevice], goes_there: bool, args: Any
    ) -> None:
        if func is _aten._to_copy.default:
            if goes_there != bool(on_device):
                (self.copies.to_device if goes_there else self.copies.to_host).append(f"to {_form(tensors[0])}")
            return
        if not on_device:
            return
        if func is _aten.copy_.default and self.training:
            (self.copies.to_device if isinstance(args[0], OnDevice) else self.copies.to_host).append(f"{func}")
            return
        if func in _READS:
            self.copies.to_host.append(f"{func} {_form(on_device[0])}")
        elif func in _INDEXING and any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1]):
            self.copies.to_host.append(f"{func} by a mask {_form(on_device[0])}")
        for x in tensors:
            if isinstance(x, OnDevice) or (x.ndim == 0 and torch.Tag.pointwise in func.tags):
                continue
            raise MixedDevicesError(f"{func}: a tensor {_form(x)} of the host meets one of the device, "
                                    f"{_form(on_device[0])}")  # fmt: skip


def _refuse_draws(func: Any, kwargs: dict[str, Any]) -> None:
    name = func.overloadpacket.__name__.removesuffix("_like").removesuffix("_")
    if name in _DRAWS or name == "native_dropout":
        raise MixedDevicesError(f"{func} draws numbers on the device; noise is drawn on the host")
    if isinstance(kwargs.get("generator"), torch.Generator):
        raise MixedDevicesError(f"{func}: a generator of the host cannot draw numbers on the device")


def _on_host(values: Any) -> Any:
    return tree_map_only(OnDevice, lambda x: x.host, values)


def _form(x: Tensor) -> str:
    return f"{tuple(x.shape)} {str(x.dtype).removeprefix('torch.')}"


class _Constructors(TorchFunctionMode):
    """Copies that modes of operations do not see: numbers and lists that torch makes tensors of, and ``tolist``."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        target = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and target is not None and torch.device(target).type == KIND:
            return func(*args, **{**kwargs, "device": None if isinstance(args[0], Tensor) else CPU}).to(target)
        if args and isinstance(args[0], OnDevice):
            x = args[0]
            if func is Tensor.tolist:
                return x.cpu().tolist()
            if func is Tensor.new_tensor:
                return torch.tensor(args[1], dtype=kwargs.get("dtype", x.dtype)).to(x.device)
            if func in (Tensor.__getitem__, Tensor.__setitem__):
                args = (x, _without_lists(args[1], x.device), *args[2:])
        return func(*args, **kwargs)


def _without_lists(index: Any, device: torch.device) -> Any:
    """Return an index whose lists of numbers are tensors on the device, copied there as CUDA does."""
    parts = index if isinstance(index, tuple) else (index,)
    placed = tuple(torch.tensor(part).to(device) if isinstance(part, list) else part for part in parts)
    return placed if isinstance(index, tuple) else placed[0]


@contextmanager
def pretending(copies: Copies | None = None, *, training: bool = False) -> Iterator[Copies]:
    """Let the pretended device exist while a block runs, and count the copies to and from it.

    Args:
        copies: where they are counted; None starts a new count.
        training: whether what only training does is allowed, which MPS is not used for: to draw numbers on the device,
            to compute in float64, and to copy weights into networks.
    """
    copies = Copies() if copies is None else copies
    save = torch.save
    with (
        # Tensors in Python have no inference mode; what it computes is the same.
        patch.object(torch, "inference_mode", torch.no_grad),
        patch.object(torch, "save", lambda content, *args, **kwargs: save(_on_host(content), *args, **kwargs)),
        _Constructors(),
        _Pretending(copies, training),
    ):
        yield copies


def on_device(x: Tensor) -> OnDevice:
    """Return a tensor of the host on the device, uncounted."""
    return OnDevice(x.detach())


if IS_SUPPORTED:
    # When it is imported, which is before any test: autograd has a queue for each device known at its first gradient.
    pretended_device()
