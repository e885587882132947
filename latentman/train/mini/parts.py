"""The parts of a training, in order: the inputs that each needs from earlier parts, and its outputs.

Below ``out``: ``scenes/``, then ``vae/vae``, ``t2i/{tokenizer,text_encoder,unet}`` and ``controlnet/controlnet``, the
finished networks in single precision next to the state of their training.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

import diffusers.utils.logging
import torch
import transformers.utils.logging

from latentman.errors import DataError
from latentman.networks.checkpoint import local_folder
from latentman.networks.compile import fast_math
from latentman.system.device import pick_device
from latentman.train.mini.checkpoint import read_state
from latentman.train.mini.controlnet import ControlNetTask
from latentman.train.mini.decoder import DECODER_FOLDER, DecoderTask, decoded_examples
from latentman.train.mini.evaluate import evaluate
from latentman.train.mini.export import export
from latentman.train.mini.judges import ClassifierTask, SegmenterTask, is_saved, save_judge
from latentman.train.mini.loop import train
from latentman.train.mini.model_folder import save_network
from latentman.train.mini.networks import Networks, load_network, load_tokenizer
from latentman.train.mini.settings import MiniTraining, Optimisation
from latentman.train.mini.t2i import TextToImageTask
from latentman.train.mini.task import Outcome, Task
from latentman.train.mini.tokenizer import learn_tokenizer
from latentman.train.mini.vae import VaeTask, latent_statistics, standardised
from latentman.train.scenes.scene_set import SceneSet, draw_set, read_manifest

logger = logging.getLogger("latentman.train")

Show = Callable[[str, int], AbstractContextManager[Callable[[int, int], None]]]
"""Opens the progress display of a stage with a name and a number of units, and returns its reporter."""

_ADVICE = "presets for a CPU, such as preset=cpu_smoke, show that everything works"

_A_MOMENT = 1e-3
"""Minutes: the minimum for each piece of training."""

_MEASURED = 2048
"""Maximum number of pictures for measuring the latents' mean and deviation."""


def draw_scenes(settings: MiniTraining, show: Show) -> bool:
    """Draw the pictures; return whether all exist.

    Raises:
        DataError: if the folder holds other pictures.
    """
    with show("scenes", settings.scenes.number) as advance:
        return draw_set(
            settings.folder / "scenes",
            settings.scenes,
            _device(settings),
            advance,
            minutes=settings.minutes,
            workers=settings.workers,
        )


def train_judges(settings: MiniTraining, show: Show) -> bool:
    """Train the classifier and the segmenter; return whether both are finished.

    Raises:
        DataError: if there are no pictures yet.
    """
    device, cfg = _device(settings), settings.judges
    tasks: dict[str, Callable[[MiniTraining, SceneSet, torch.device], Task]] = {
        "classifier": ClassifierTask,
        "segmenter": SegmenterTask,
    }
    started = time.monotonic()
    for name, new_task in tasks.items():
        folder = settings.folder / name
        if read_state(folder, name, settings) is not None and is_saved(folder):
            continue
        left = _minutes_left(settings, started)
        if left is not None and left <= 0:
            return False
        scenes = _scenes(settings, device)
        # Segmentation needs a third of the steps of classification.
        steps = cfg.steps if name == "classifier" else -(-cfg.steps // 3)
        task = new_task(settings, scenes, device)
        outcome = _learn(task, replace(cfg, steps=steps), _left(settings, started), device, show)
        if not outcome.finished:
            return False
        save_judge(folder, outcome.average["judge"], cfg)
    return True


def evaluate_models(settings: MiniTraining, show: Show) -> bool:
    """Compare finished models; return True.

    Raises:
        DataError: if the judges are not trained yet.
    """
    table = evaluate(settings, show, _device(settings))
    logger.info("%s\n%s", table, table.read_text(encoding="utf-8"))
    return True


def train_vae(settings: MiniTraining, show: Show) -> bool:
    """Train the VAE; return whether it is finished.

    Raises:
        DataError: if there are no pictures yet.
    """
    begun = time.monotonic()
    folder, device = settings.folder / "vae", _device(settings)
    if _is_done("vae", settings, settings.vae, folder / "vae"):
        return True
    scenes = _scenes(settings, device)
    outcome = _learn(VaeTask(settings, scenes, device), settings.vae, _left(settings, begun), device, show)
    if outcome.finished:
        vae = outcome.average["vae"]
        save_network(standardised(vae, *latent_statistics(vae, scenes.images[:_MEASURED])), folder / "vae")
    return outcome.finished


def train_decoder(settings: MiniTraining, show: Show) -> bool:
    """Distil the tiny decoder of a VAE; return whether it is finished.

    Raises:
        DataError: if there are no pictures yet, or no VAE to learn from.
        WeightsError: if ``decoder.model`` has no VAE that can be read.
    """
    begun = time.monotonic()
    folder, device, model = settings.folder / "decoder", _device(settings), settings.decoder.model
    if _is_done("decoder", settings, settings.decoder, settings.folder / DECODER_FOLDER):
        return True
    if model is None:
        _require(settings, "decoder", "vae", "vae")
    source = folder.parent / "vae" if model is None else local_folder(model, "decoder.model")
    if source is None:
        raise DataError(f"decoder.model={model} is not a folder on this machine; give one that holds a vae")
    vae = load_network(source, "vae", device)
    with show("examples", settings.decoder.examples) as advance:
        examples = decoded_examples(vae, _scenes(settings, device), settings, advance)
    outcome = _learn(DecoderTask(settings, examples), settings.decoder, _left(settings, begun), device, show)
    if outcome.finished:
        save_network(outcome.average["tiny"], settings.folder / DECODER_FOLDER, half=True)
    return outcome.finished


def train_t2i(settings: MiniTraining, show: Show) -> bool:
    """Train the UNet and the text encoder; return whether they are finished.

    Raises:
        DataError: if there are no pictures or no VAE yet.
    """
    begun = time.monotonic()
    folder, device = settings.folder / "t2i", _device(settings)
    if _is_done("t2i", settings, settings.t2i, folder / "unet"):
        return True
    _require(settings, "t2i", "vae", "vae")
    scenes = _scenes(settings, device)
    tokenizer = learn_tokenizer(scenes.texts, settings.networks.vocabulary, folder / "tokenizer")
    vae = load_network(settings.folder / "vae", "vae", device)
    outcome = _learn(
        TextToImageTask(settings, scenes, vae, tokenizer, device), settings.t2i, _left(settings, begun), device, show
    )
    if outcome.finished:
        # The UNet is written last: its folder marks the part as finished.
        for name in ("text_encoder", "unet"):
            save_network(outcome.average[name], folder / name)
    return outcome.finished


def train_controlnet(settings: MiniTraining, show: Show) -> bool:
    """Train the ControlNet; return whether it is finished.

    Raises:
        DataError: if there are no pictures, no VAE or no UNet yet.
    """
    begun = time.monotonic()
    folder, device = settings.folder / "controlnet", _device(settings)
    if _is_done("controlnet", settings, settings.controlnet, folder / "controlnet"):
        return True
    _require(settings, "controlnet", "vae", "vae")
    _require(settings, "controlnet", "t2i", "unet")
    scenes = _scenes(settings, device)
    learnt = settings.folder / "t2i"
    networks = Networks(
        vae=load_network(settings.folder / "vae", "vae", device),
        text_encoder=load_network(learnt, "text_encoder", device),
        tokenizer=load_tokenizer(learnt),
        unet=load_network(learnt, "unet", device),
        controlnet=None,
    )
    outcome = _learn(
        ControlNetTask(settings, scenes, networks, device), settings.controlnet, _left(settings, begun), device, show
    )
    if outcome.finished:
        save_network(outcome.average["controlnet"], folder / "controlnet")
    return outcome.finished


def export_model(settings: MiniTraining, show: Show) -> bool:
    """Write the finished model as one folder, ``OUT/mini-sd``; return True.

    Raises:
        ConfigError: if a part was trained with other settings, so that the card would be wrong.
        DataError: if a part is not finished yet.
    """
    for part, network in (("vae", "vae"), ("t2i", "unet"), ("controlnet", "controlnet")):
        _require(settings, "export", part, network)
    _device(settings)
    with show("export", 1) as advance:
        export(settings)
        advance(1, 1)
    return True


PARTS: dict[str, Callable[[MiniTraining, Show], bool]] = {
    "scenes": draw_scenes,
    "judges": train_judges,
    "vae": train_vae,
    "decoder": train_decoder,
    "t2i": train_t2i,
    "controlnet": train_controlnet,
    "export": export_model,
    "evaluate": evaluate_models,
}
"""Every part by its subcommand, in the order of ``all``, which does not include the evaluation."""


def train_all(settings: MiniTraining, show: Show) -> bool:
    """Run every part in order, within ``settings.minutes`` in total; return whether all are finished."""
    started = time.monotonic()
    for name, carry_out in PARTS.items():
        if name == "evaluate":
            continue
        left = _minutes_left(settings, started)
        if (left is not None and left <= 0) or not carry_out(replace(settings, minutes=left), show):
            return False
    return True


def _left(settings: MiniTraining, begun: float) -> MiniTraining:
    """Return settings with the minutes remaining since ``begun``: loading counts, and at least one step is taken."""
    left = _minutes_left(settings, begun)
    return settings if left is None else replace(settings, minutes=max(left, _A_MOMENT))


def _minutes_left(settings: MiniTraining, started: float) -> float | None:
    return None if settings.minutes is None else settings.minutes - (time.monotonic() - started) / 60


def _device(settings: MiniTraining) -> torch.device:
    device = pick_device(settings.device, kinds=("cuda", "cpu"), advice=_ADVICE)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    fast_math(device, enabled=True)
    # The libraries show their own bars for every file that they read or write.
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    return device


def _is_done(part: str, settings: MiniTraining, cfg: Optimisation, network: Path) -> bool:
    """Return whether a part is already finished with the same settings.

    Raises:
        ConfigError: if its folder holds a training with other settings.
    """
    state = read_state(settings.folder / part, part, settings)
    return state is not None and int(state["step"]) >= cfg.steps and (network / "config.json").is_file()


def _require(settings: MiniTraining, part: str, earlier: str, network: str) -> None:
    """Check that an earlier part is finished with the same settings.

    Raises:
        ConfigError: if its folder holds a training with other settings.
        DataError: if it is not finished.
    """
    state = read_state(settings.folder / earlier, earlier, settings)
    # A restarted part still has its previous network, which the finished one will replace.
    begun = state is not None and int(state["step"]) < getattr(settings, earlier).steps
    if begun or not (settings.folder / earlier / network / "config.json").is_file():
        raise DataError(
            f"latentman train {part} needs the finished {earlier}, and {settings.folder / earlier} does not have it: "
            f"first run latentman train {earlier} out={settings.out} preset={settings.preset}"
        )


def _scenes(settings: MiniTraining, device: torch.device) -> SceneSet:
    """Return the training pictures.

    Raises:
        DataError: if there are none, or they were drawn with other settings, which identify a training.
    """
    folder, wanted = settings.folder / "scenes", asdict(settings.scenes)
    found = read_manifest(folder)
    changed = [
        f"scenes.{key} was {found.get(key)} and is {wanted[key]}" for key in wanted if found.get(key) != wanted[key]
    ]
    if changed:
        raise DataError(
            f"{folder} holds scenes with other settings: {', '.join(changed)}; use the settings that they were drawn "
            "with, or choose another out=..."
        )
    return SceneSet.open(folder, device)


def _learn(task: Task, cfg: Optimisation, settings: MiniTraining, device: torch.device, show: Show) -> Outcome:
    with show(task.name, cfg.steps) as advance:
        return train(task, cfg, settings, settings.folder / task.name, device, advance)
