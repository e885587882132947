"""``latentman bench denoise --plan``: what a step takes, computed from its graph, and the floor that sets on a card.

Nothing is measured and nothing is multiplied: the networks have shapes and no numbers, so that those of SDXL and 64
frames are counted on any machine. A real step takes longer than the floor and more memory than the sum.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from latentman.bench.denoise.cards import CARDS, Card
from latentman.bench.denoise.model import ARCHITECTURES, Subject, make_subject
from latentman.bench.denoise.on_paper import Counted, counted
from latentman.bench.denoise.parts import GUIDED, NUM_STEPS, ours
from latentman.bench.solver.table import table
from latentman.cli import Arguments
from latentman.errors import ConfigError, check_choice
from latentman.networks.backbone import Backbone
from latentman.system.device import DTYPES
from latentman.system.paths import write_json

META = torch.device("meta")
COUNTED_PARTS = ("plain", "direct", "decode")
"""A step; one that PWG guides by its default gradient, with the VAE's decoding and backward pass; the frames."""

_LABELS = {"plain": "step", "direct": "guided step", "decode": "finished frames"}


@dataclass(frozen=True, slots=True)
class Planned:
    """What a part takes, in 10^12 operations of half precision and of fp32, and in bytes.

    ``networks`` are the weights of UNet, ControlNet and VAE, ``inputs`` the latents and the control's features, and
    ``activations`` what the part adds to them at its peak.
    """

    model: str
    frames: int
    part: str
    half_tflop: float
    full_tflop: float
    networks: int
    inputs: int
    activations: int

    @property
    def memory(self) -> int:
        """Bytes in all."""
        return self.networks + self.inputs + self.activations

    def floor(self, card: Card) -> float | None:
        """Return the fewest seconds on a card; None where its memory does not hold the part."""
        if self.memory > card.memory * 1e9:
            return None
        return card.floor(self.half_tflop, self.full_tflop, self.networks / 1e9)


def plan_command(arguments: Sequence[str]) -> int:
    """Print what a step takes and its floors, write the requested file, and return the exit status.

    Raises:
        ConfigError: for unknown or invalid options.
    """
    options = _options(arguments)
    rows = [
        row
        for model in options.models
        for frames in options.lengths
        for row in planned(model, frames, dtype=options.dtype, image_size=options.image_size)
    ]
    sys.stdout.write(plan_tables(rows, options.cards))
    if options.json is not None:
        command = " ".join(["latentman bench denoise", *arguments])
        write_json(options.json, {"command": command, "computed": [asdict(row) for row in rows]})
    return 0


def planned(model: str, frames: int, *, dtype: str = "float16", image_size: int | None = None) -> list[Planned]:
    """Return what every part of :data:`COUNTED_PARTS` takes.

    Args:
        model: one of ``ARCHITECTURES``.
        frames: T.
        dtype: of the networks. SDXL's VAE is in fp32 beside networks in float16, as a run loads it.
        image_size: pixels along a picture; None takes the model's own.
    """
    subject = make_subject(model, frames=frames, device=META, dtype=dtype, image_size=image_size)
    if subject.clip.text.pooled is not None and dtype == "float16":
        nn.Module.to(subject.backbone.vae, torch.float32)
    weights = network_bytes(subject.backbone)
    rows = []
    with ours(subject) as works:
        for part in COUNTED_PARTS:
            sys.stderr.write(f"{model}, {frames} frames: {_LABELS[part]}\n")
            rows.append(_row(model, subject, part, weights, counted(works[part])))
    return rows


def _row(model: str, subject: Subject, part: str, weights: int, found: Counted) -> Planned:
    inputs = subject.input_bytes()
    return Planned(model, subject.frames, part, found.half_tflop, found.full_tflop, weights, inputs, found.peak)


def network_bytes(backbone: Backbone) -> int:
    """Return the bytes of the weights that a loop runs through: UNet, ControlNets and VAE."""
    networks = (backbone.unet, *backbone.controlnets, *backbone.control_embeddings, backbone.vae)
    return sum(p.nbytes for network in networks for p in network.parameters())


def whole_video(rows: Sequence[Planned]) -> Planned:
    """Return the paper's video from its parts: T steps, those in B guided, and the finished frames."""
    counts = {"plain": NUM_STEPS - len(GUIDED), "direct": len(GUIDED), "decode": 1}
    parts = {row.part: row for row in rows}
    return replace(
        parts["direct"],
        part="video",
        half_tflop=sum(count * parts[part].half_tflop for part, count in counts.items()),
        full_tflop=sum(count * parts[part].full_tflop for part, count in counts.items()),
        activations=max(row.activations for row in rows),
    )


def plan_tables(rows: Sequence[Planned], cards: Sequence[str]) -> str:
    """Return both tables, each below a line that describes it."""
    clips = list(dict.fromkeys((row.model, row.frames) for row in rows))
    videos = [whole_video([row for row in rows if (row.model, row.frames) == clip]) for clip in clips]
    ordered = [row for clip, video in zip(clips, videos, strict=True)
               for row in (*(row for row in rows if (row.model, row.frames) == clip), video)]  # fmt: skip
    takes = [
        (*_name(row), _short(row.half_tflop + row.full_tflop), _short(row.full_tflop),
         *(f"{value / 1e9:.2f}" for value in (row.networks, row.inputs, row.activations, row.memory)))
        for row in ordered
    ]  # fmt: skip
    heads = ("model", "frames", "part", "TFLOP", "of it in fp32", "networks, GB", "inputs, GB", "activations, GB",
             "in all, GB")  # fmt: skip
    floors = [(*_name(row), *(_seconds(row.floor(CARDS[card])) for card in cards)) for row in ordered]
    return (
        f"Computed from the graph, not measured. The video has {NUM_STEPS} steps, of which {len(GUIDED)} are guided by "
        f"`direct`:\n\n{table(heads, takes)}\nThe floor in seconds, computed from the peak speed of a card; no run is "
        f"as fast:\n\n{table(('model', 'frames', 'part', *cards), floors)}"
    )


def _name(row: Planned) -> tuple[str, str, str]:
    return row.model, str(row.frames), _LABELS.get(row.part, f"video, T = {NUM_STEPS}")


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    return "does not fit" if value is None else _short(value)


def _options(arguments: Sequence[str]) -> Namespace:
    parser = Arguments(prog="latentman bench denoise --plan", add_help=False)
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--model")
    parser.add_argument("--dtype", default="float16")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--long", type=int, default=64)
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--card", default="all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    options.models = ["sd15", "sdxl"] if options.model is None else options.model.split(",")
    for model in options.models:
        check_choice("--model", model, tuple(ARCHITECTURES))
    check_choice("--dtype", options.dtype, tuple(DTYPES))
    options.cards = list(CARDS) if options.card == "all" else options.card.split(",")
    for card in options.cards:
        check_choice("--card", card, ("all", *CARDS))
    if options.frames < 2 or (options.long and options.long < 2):
        raise ConfigError(f"--frames {options.frames} and --long {options.long} must be 2 or more; --long 0 leaves the "
                          "long video out")  # fmt: skip
    options.lengths = sorted({options.frames, options.long} - {0})
    size = options.image_size
    if size is not None and (size < 64 or size % 64):
        raise ConfigError(f"--image-size {size} must be a multiple of 64")
    if options.json is not None and (options.json.is_dir() or not options.json.absolute().parent.is_dir()):
        raise ConfigError(f"--json {options.json}: it must be a file in a folder that exists")
    return options
