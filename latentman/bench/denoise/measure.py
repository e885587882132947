"""Seconds, memory and arithmetic of the parts that ``latentman bench denoise`` compares.

On CUDA a part's time is the wall's and its memory the device's. On the CPU its time is that of the processor, and its
memory is measured in a process of its own, as a process's peak is: ``python -m latentman.bench.denoise.measure SPEC``.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from latentman.bench.denoise.model import Subject, make_subject
from latentman.bench.denoise.parts import PARTS, ROUTES, Route, Work, counterpart, whole_video
from latentman.errors import DataError, DeviceMemoryError
from latentman.system.memory import memory_now, peak_memory

_MATMUL_SIZE = {"cuda": 8192}
_SMALL_MATMUL = 1024
_MATMUL_ROUNDS = 10
_CPU_ATTENTION = {
    getattr(torch.ops.aten, f"_scaled_dot_product_flash_attention_for_cpu{way}"): getattr(
        torch.ops.aten, f"_scaled_dot_product_flash_attention{way}"
    )
    for way in ("", "_backward")
}
"""Operations without their own formula, each with an operation whose formula also applies to it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to build; a measurement in another process builds the same from it."""

    model: str
    frames: int
    device: str
    dtype: str
    image_size: int | None
    threads: int

    def build(self) -> Subject:
        """Return the networks and their inputs."""
        device = torch.device(self.device)
        return make_subject(self.model, frames=self.frames, device=device, dtype=self.dtype, image_size=self.image_size)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: milliseconds, and on CUDA the memory allocated before it and at its peak, in bytes."""

    ms: float
    before: int | None = None
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: occupied ``before`` the work, networks and inputs included, at its ``peak``, and of growing ``inputs``."""

    before: int
    peak: int
    inputs: int


@dataclass(frozen=True, slots=True)
class Row:
    """A part of a route: median milliseconds and all of them, None where memory did not suffice; arithmetic; memory.

    ``peak`` is in bytes, the device's on CUDA, the process's on the CPU; ``before`` is what of it was occupied before,
    by networks and inputs.
    """

    route: str
    part: str
    ms: float | None
    times: tuple[float, ...]
    tflop: float
    before: int | None = None
    peak: int | None = None


def run_once(work: Work, device: torch.device) -> Run | None:
    """Return the cost of a run; None if the memory of the device does not suffice."""
    on_cuda = device.type == "cuda"
    allocated = None
    if on_cuda:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        allocated = torch.cuda.memory_allocated(device)
    before = _seconds(on_cuda)
    try:
        work()
        if on_cuda:
            torch.cuda.synchronize(device)
    except (torch.OutOfMemoryError, DeviceMemoryError):
        gc.collect()
        torch.cuda.empty_cache()
        return None
    ms = 1000 * (_seconds(on_cuda) - before)
    return Run(ms, allocated, torch.cuda.max_memory_allocated(device)) if on_cuda else Run(ms)


def _seconds(wall: bool) -> float:
    return time.perf_counter() if wall else time.process_time()


class Arithmetic(TorchDispatchMode):
    """Counts operations by torch's own formulas.

    Torch's FlopCounterMode follows modules as well, which forbids autograd.grad, and leaves out the CPU's attention.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and add its cost."""
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(_CPU_ATTENTION.get(func.overloadpacket, func.overloadpacket))
        if formula is not None:
            self.operations += int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def count_tflop(work: Work) -> float:
    """Return the 10^12 multiplications and additions of a run, as matrix products and convolutions have them.

    Where memory does not suffice, those until then.
    """
    with Arithmetic() as counter:
        try:
            work()
        except (torch.OutOfMemoryError, DeviceMemoryError):
            torch.cuda.empty_cache()
    return counter.operations / 1e12


def time_in_turns(subject: Subject, repeats: int, parts: Collection[str] = PARTS) -> list[Row]:
    """Return a row for each of these parts of each route; rounds run all, so that a busy machine affects all alike.

    Of the released route those are measured that ours are compared with. The first round counts the arithmetic and
    warms up.
    """
    wanted = {*parts, *map(counterpart, parts)}
    device = subject.backbone.device
    tflop: dict[tuple[str, str], float] = {}
    runs: dict[tuple[str, str], list[Run | None]] = {}
    for turn in range(repeats + 1):
        sys.stderr.write(f"round {turn} of {repeats}\n")
        for name, route in ROUTES.items():
            asked = wanted if name == "released" else parts
            with route(subject) as works:
                for part, work in ((part, work) for part, work in works.items() if part in asked):
                    if turn == 0:
                        tflop[name, part] = count_tflop(work)
                        if device.type == "cuda":
                            run_once(work, device)
                    else:
                        runs.setdefault((name, part), []).append(run_once(work, device))
    return [_row(route, part, found, tflop[route, part]) for (route, part), found in runs.items()]


def time_alone(subject: Subject, name: str, route: Route, repeats: int, tflop: Mapping[str, float]) -> list[Row]:
    """Return a row for each part of one route, whose networks stay prepared and compiled."""
    device, rows = subject.backbone.device, []
    with route(subject) as works:
        for part, work in works.items():
            sys.stderr.write(f"{name}: {part}\n")
            for _ in range(2):
                run_once(work, device)
            rows.append(_row(name, part, [run_once(work, device) for _ in range(repeats)], tflop[part]))
    return rows


def _row(route: str, part: str, runs: Sequence[Run | None], tflop: float) -> Row:
    done = [run for run in runs if run is not None]
    peaks = [(run.peak, run.before) for run in done if run.peak is not None]
    peak, before = max(peaks, default=(None, None))
    times = tuple(run.ms for run in done)
    complete = len(done) == len(runs)
    return Row(route, part, statistics.median(times) if complete else None, times, tflop, before, peak)


def time_video(subject: Subject, route: str, gradient: str) -> Run | None:
    """Return the cost of the paper's whole video, including decoding."""
    return run_once(lambda: whole_video(subject, route, gradient), subject.backbone.device)


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the 10^12 operations a second of the fastest product of two square matrices, an upper bound."""
    size = _MATMUL_SIZE.get(device.type, _SMALL_MATMUL)
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    runs = [run_once(lambda: a @ b, device) for _ in range(_MATMUL_ROUNDS)]
    return 2 * size**3 / min(run.ms for run in runs if run is not None) / 1e9


def memory_of(spec: Spec, route: str, part: str, runs: int = 1) -> Memory | None:
    """Return the memory of a part that runs several times; None if the memory of the device does not suffice.

    On CUDA in this process, with networks of its own; on the CPU in a new process.

    Raises:
        DataError: if the process ended without figures.
    """
    if torch.device(spec.device).type == "cuda":
        return _memory_here(spec, route, part, runs)
    request = json.dumps({"spec": asdict(spec), "route": route, "part": part, "runs": runs})
    command = [sys.executable, "-m", "latentman.bench.denoise.measure", request]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise DataError(
            f"bench denoise: measuring the memory of {route} {part} with {spec.frames} frames ended with status "
            f"{done.returncode} ({said}); use fewer --frames, or --long 0"
        )
    return Memory(**json.loads(done.stdout))


def _memory_here(spec: Spec, route: str, part: str, runs: int) -> Memory | None:
    subject = spec.build() if route == "released" else spec.build().without_pictures()
    on_cuda, device = subject.backbone.device.type == "cuda", subject.backbone.device
    gc.collect()
    with ROUTES[route](subject) as works:
        before = torch.cuda.memory_allocated(device) if on_cuda else memory_now()
        with peak_memory() as resident:
            done = [run_once(works[part], device) for _ in range(runs)]
        if any(run is None for run in done):
            return None
        peak = max(run.peak or 0 for run in done if run is not None) if on_cuda else resident.bytes
    return Memory(before, peak, subject.input_bytes())


def main(arguments: Sequence[str]) -> int:
    """Print the memory of one part as JSON."""
    request: dict[str, Any] = json.loads(arguments[0])
    spec = Spec(**request.pop("spec"))
    torch.set_num_threads(spec.threads)
    assert request["part"] in PARTS
    found = _memory_here(spec, **request)
    assert found is not None, "only CUDA runs out of memory in an orderly way"
    sys.stdout.write(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
