"""Training the judges on the drawn pictures, and using them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from latentman.errors import DataError, WeightsError
from latentman.files.safetensors_file import read_tensors
from latentman.record.local import read_object
from latentman.system.paths import file_digest, write_atomic, write_json
from latentman.train.mini.judge_networks import Classifier, Segmenter, at_size
from latentman.train.mini.pictures import contact_sheet, write_picture
from latentman.train.mini.settings import JudgeSettings, MiniTraining
from latentman.train.mini.task import Batch
from latentman.train.scenes.characters import CHARACTERS
from latentman.train.scenes.palette import COLOURS
from latentman.train.scenes.places import PLACES
from latentman.train.scenes.scene_set import FORMAT, SceneSet

CLASSES = {"character": len(CHARACTERS), "colour": len(COLOURS) + 1, "place": len(PLACES)}
"""Classes of each head; the last colour is none."""

_SMOOTHING = 0.05
_SHOWN = 8
_FILE = "judge.safetensors"
_CARD = "judge.json"


class _Small:
    """The pictures at the judges' size, with random augmentation."""

    def __init__(self, scenes: SceneSet, cfg: JudgeSettings) -> None:
        self.cfg = cfg
        parts = scenes.images.split(64)
        self.images = torch.cat([(at_size(p.float() / 255, cfg.size) * 255).round().to(torch.uint8) for p in parts])
        masks = scenes.mask[:, None].float()
        self.masks = functional.interpolate(masks, (cfg.size, cfg.size), mode="area")[:, 0] >= 0.5
        none = torch.full_like(scenes.colour, len(COLOURS))
        colour = torch.where(scenes.colour < 0, none, scenes.colour)
        self.labels = {"character": scenes.character, "colour": colour, "place": scenes.place}

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        device = self.images.device
        index = torch.randint(len(self.images), (size,), generator=generator, device=device)
        images, masks = self.images[index].float() / 255, self.masks[index]
        images, masks = varied(images, masks, generator)
        return {"images": images, "masks": masks, **{name: label[index] for name, label in self.labels.items()}}


def varied(images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images (N, 3, S, S) and masks (N, S, S) mirrored, shifted, relit, some blurred or noisy.

    Generated pictures are never as clean as drawn ones, and the judges must be robust to this.
    """
    count, device = len(images), images.device

    def chance(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    mirrored = chance(count) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    masks = torch.where(mirrored[:, None, None], masks.flip(2), masks)
    reach = images.shape[-1] // 16
    right, down = (int(x) for x in (chance(2) * (2 * reach + 1)).floor() - reach)
    images = images.roll((down, right), (2, 3))
    masks = masks.roll((down, right), (1, 2))
    images = (images - 0.5) * (0.85 + 0.3 * chance(count, 1, 1, 1)) + 0.5 + 0.08 * (chance(count, 1, 1, 1) - 0.5)
    soft = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = torch.where(chance(count, 1, 1, 1) < 0.3, soft, images)
    grain = torch.randn(images.shape, generator=generator, device=device)
    return (images + 0.04 * chance(count, 1, 1, 1) * grain).clamp(0, 1), masks


def segmenter_width(width: int) -> int:
    """Return the width of the segmenter for a classifier of ``width``: its task is simpler."""
    return 8 * max(1, 2 * width // 24)


class ClassifierTask:
    """Trains the classifier."""

    name = "classifier"

    def __init__(self, settings: MiniTraining, scenes: SceneSet, device: torch.device) -> None:
        torch.manual_seed(settings.seed + 3)
        self.data = _Small(scenes, settings.judges)
        self.modules = nn.ModuleDict({"judge": Classifier(settings.judges.width, CLASSES).to(device)})

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return pictures with labels."""
        return self.data.draw(size, generator)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the cross entropy of the three heads, and the accuracy of each."""
        logits: dict[str, Tensor] = self.modules["judge"](batch["images"])
        found = {
            name: functional.cross_entropy(values.float(), batch[name], label_smoothing=_SMOOTHING)
            for name, values in logits.items()
        }
        right = {name: (values.argmax(1) == batch[name]).float().mean() for name, values in logits.items()}
        return {"loss": torch.stack(list(found.values())).sum(), **right}

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write the pictures as seen by this judge."""
        write_picture(folder / f"step_{step:06d}.png", contact_sheet([self.data.images[:_SHOWN].float() / 255]))


class SegmenterTask:
    """Trains the segmenter."""

    name = "segmenter"

    def __init__(self, settings: MiniTraining, scenes: SceneSet, device: torch.device) -> None:
        torch.manual_seed(settings.seed + 4)
        self.data = _Small(scenes, settings.judges)
        self.modules = nn.ModuleDict({"judge": Segmenter(segmenter_width(settings.judges.width)).to(device)})

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        """Return pictures with masks."""
        return self.data.draw(size, generator)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return cross entropy and Dice loss (Milletari et al. 2016); ``iou`` is reported too."""
        logits: Tensor = self.modules["judge"](batch["images"]).float()
        wanted = batch["masks"].float()
        share = logits.sigmoid()
        dice = 1 - (2 * (share * wanted).sum((1, 2)) + 1) / (share.sum((1, 2)) + wanted.sum((1, 2)) + 1)
        found = logits > 0
        both, either = (found & batch["masks"]).sum((1, 2)), (found | batch["masks"]).sum((1, 2))
        return {
            "loss": functional.binary_cross_entropy_with_logits(logits, wanted) + dice.mean(),
            "iou": (both / either.clamp_min(1)).mean(),
        }

    @torch.no_grad()
    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        """Write pictures above the figures found in them."""
        images = self.data.images[:_SHOWN].float() / 255
        judge: Any = average["judge"]
        found = judge(images).sigmoid()[:, None].expand(-1, 3, -1, -1)
        write_picture(folder / f"step_{step:06d}.png", contact_sheet([images, found]))


def save_judge(folder: Path, judge: nn.Module, cfg: JudgeSettings) -> None:
    """Write a finished judge; its card is written last and marks it as finished.

    Raises:
        RecordError: if the folder cannot be written.
    """
    weights = {name: value.detach().cpu().contiguous() for name, value in judge.state_dict().items()}
    write_atomic(folder / _FILE, lambda path: path.write_bytes(save(weights)))
    write_json(folder / _CARD, {"format": FORMAT, "size": cfg.size, "width": cfg.width, "classes": CLASSES})


def is_saved(folder: Path) -> bool:
    """Return whether a folder holds a finished judge."""
    return (folder / _CARD).is_file()


def judges_digests(folder: Path) -> dict[str, str | None]:
    """Return the hash of each judge of a training, which is recorded with scores."""
    return {name: file_digest(folder / name / _FILE) for name in ("classifier", "segmenter")}


@dataclass(frozen=True)
class Judges:
    """Both finished judges; their input has ``size`` x ``size`` pixels."""

    classifier: Any
    segmenter: Any
    size: int

    @classmethod
    def load(cls, folder: Path, device: torch.device | str) -> Judges:
        """Read the judges of a training.

        Args:
            folder: ``OUT`` of the training.
            device: the torch device.

        Raises:
            DataError: if they are not trained yet, or were trained on another world or have other classes.
            WeightsError: if a file is damaged.
        """
        cards = {}
        for name in ("classifier", "segmenter"):
            if not is_saved(folder / name):
                raise DataError(
                    f"{folder} has no {name} yet: train the judges with latentman train judges out={folder}"
                )
            cards[name] = read_object(folder / name / _CARD)
        if cards["classifier"].get("classes") != CLASSES:
            raise DataError(
                f"the judges in {folder} have other characters, colours or places than this version of latentman: "
                "choose another out=..., and train them again"
            )
        worlds = sorted({str(card.get("format", 1)) for card in cards.values()})
        if worlds != [str(FORMAT)]:
            raise DataError(
                f"the judges in {folder} were trained on scenes of format {' and '.join(worlds)}, and this version "
                f"draws format {FORMAT}, another world: choose another out=..., draw the scenes, and train them again"
            )
        built = {
            "classifier": Classifier(int(cards["classifier"]["width"]), CLASSES),
            "segmenter": Segmenter(segmenter_width(int(cards["segmenter"]["width"]))),
        }
        for name, network in built.items():
            try:
                network.load_state_dict(read_tensors(folder / name / _FILE))
            except Exception as error:
                raise WeightsError(
                    f"{folder / name / _FILE} cannot be read: {error}; delete {folder / name}"
                ) from error
            network.to(device).eval().requires_grad_(False)
        return cls(built["classifier"], built["segmenter"], int(cards["classifier"]["size"]))

    @torch.no_grad()
    def name(self, images: Tensor, batch: int = 64) -> tuple[dict[str, Tensor], Tensor]:
        """Return the classes of each head, (N,) by label, and the features (N, D), of images (N, 3, H, W) uint8."""
        named: dict[str, list[Tensor]] = {name: [] for name in CLASSES}
        features = []
        for part in images.split(batch):
            found = self.classifier.features(self._small(part))
            features.append(found)
            for name, head in self.classifier.heads.items():
                named[name].append(head(found).argmax(1))
        return {name: torch.cat(parts) for name, parts in named.items()}, torch.cat(features)

    @torch.no_grad()
    def find(self, images: Tensor, batch: int = 64) -> Tensor:
        """Return the mask of the figure, (N, size, size) bool, in images (N, 3, H, W) uint8."""
        return torch.cat([self.segmenter(self._small(part)) > 0 for part in images.split(batch)])

    def _small(self, images: Tensor) -> Tensor:
        device = next(self.classifier.parameters()).device
        return at_size(images.to(device).float() / 255, self.size)
