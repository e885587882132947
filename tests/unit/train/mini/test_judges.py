"""The judges: training on drawn pictures, saving, and refusals."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from latentman.errors import ConfigError, DataError, WeightsError
from latentman.train.__main__ import main
from latentman.train.mini.evaluate import Truth, evaluate, find_models, judge_paintings, sheet
from latentman.train.mini.judge_networks import Classifier, Segmenter, at_size
from latentman.train.mini.judges import CLASSES, Judges, varied
from latentman.train.mini.settings import parse_settings
from latentman.train.scenes.plan import plan_scenes
from tests.factories.little_space import LITTLE_SPACE

pytestmark = pytest.mark.nightly

SMALL = [
    "preset=cpu_smoke", "device=cpu", "scenes.number=32", "scenes.shard=32", "judges.steps=24", "judges.batch=16",
    "judges.log_every=4", "judges.learning_rate=0.003", "vae.steps=2", "t2i.steps=2", "t2i.batch=4",
    "t2i.picture_every=9", "controlnet.steps=2", "controlnet.batch=4", "evaluation.prompts=4",
    "evaluation.pictures=4", "evaluation.steps=2", "evaluation.batch=2",
]  # fmt: skip


@contextmanager
def show(name: str, total: int):  # type: ignore[no-untyped-def]
    yield lambda done, total: None


def settings(out: Path, *changes: str):  # type: ignore[no-untyped-def]
    return parse_settings("evaluate", [f"out={out}", *SMALL, *changes])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("judged")
    assert main(["all", f"out={out}", *SMALL]) == 0
    return out


def told(out: Path, part: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / part / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("part", ["classifier", "segmenter"])
def test_a_judge_learns(trained: Path, part: str) -> None:
    losses = [event["loss"] for event in told(trained, part)]
    assert losses[-1] < 0.9 * losses[0]


def test_trained_judges_are_loaded_and_answer_for_every_picture(trained: Path) -> None:
    judges = Judges.load(trained, "cpu")
    images = torch.randint(0, 256, (5, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    named, features = judges.name(images, batch=2)
    assert {name: tuple(found.shape) for name, found in named.items()} == dict.fromkeys(CLASSES, (5,))
    assert features.shape == (5, 256)
    assert judges.find(images, batch=2).shape == (5, 64, 64)
    alone, _ = judges.name(images[3:4])
    assert all(torch.equal(alone[name][0], named[name][3]) for name in CLASSES)


def test_a_second_training_of_finished_judges_changes_nothing(trained: Path) -> None:
    before = (trained / "classifier" / "judge.safetensors").read_bytes()
    assert main(["judges", f"out={trained}", *SMALL]) == 0
    assert (trained / "classifier" / "judge.safetensors").read_bytes() == before


def test_networks_have_a_logit_for_every_class_and_pixel() -> None:
    images = torch.rand(2, 3, 48, 48)
    assert {k: tuple(v.shape) for k, v in Classifier(8, CLASSES)(images).items()} == {
        name: (2, number) for name, number in CLASSES.items()
    }
    assert Segmenter(8)(images).shape == (2, 48, 48)


def test_a_picture_of_the_right_size_is_unchanged_and_a_larger_one_is_averaged() -> None:
    images = torch.rand(1, 3, 32, 32)
    assert at_size(images, 32) is images
    board = (torch.arange(64)[:, None] + torch.arange(64)).remainder(2).float().expand(1, 3, 64, 64)
    inner = at_size(board, 16)[..., 2:-2, 2:-2]
    assert inner.sub(0.5).abs().max() < 0.05


def test_augmentation_moves_figure_and_mask_together_and_depends_only_on_the_generator() -> None:
    masks = torch.zeros(6, 32, 32, dtype=torch.bool)
    masks[:, 8:20, 4:12] = True
    images = masks[:, None].float().expand(-1, 3, -1, -1)
    first, second = (varied(images, masks, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    for image, mask in zip(*first, strict=True):
        assert image.mean(0)[mask].mean() > 0.7
        assert image.mean(0)[~mask].mean() < 0.3
    assert first[0].min() >= 0
    assert first[0].max() <= 1


def test_an_evaluation_compares_models_and_continues_after_an_interruption(trained: Path) -> None:
    assert main(["evaluate", f"out={trained}", *SMALL]) == 0
    folder = trained / "evaluation"
    first = json.loads((folder / "evaluation.json").read_text())
    assert list(first["scores"]) == ["drawn", "shipped", "trained"]
    assert len(set(first["judges"].values()) - {None}) == 2
    for scores in (first["scores"]["shipped"], first["scores"]["trained"]):
        assert 0 <= scores["iou"]["value"] <= 1
        assert scores["character"]["number"] == 4
        assert scores["frechet"] > 0
        assert len(scores["latent_std"]) == 4
    assert first["scores"]["shipped"]["psnr"]["value"] > first["scores"]["trained"]["psnr"]["value"] > 0
    table = (folder / "table.md").read_text()
    assert "| score | drawn | shipped | trained |" in table
    painted = sorted(folder.glob("shipped-*/painted_*.safetensors"))
    assert len(painted) == 2
    bytes_before = painted[1].read_bytes()
    painted[1].unlink()
    (trained / "mini-sd" / "CARD.md").write_text("# another card of the same weights\n")
    untouched = painted[0].stat().st_mtime_ns
    assert main(["evaluate", f"out={trained}", *SMALL]) == 0
    assert painted[1].read_bytes() == bytes_before
    assert painted[0].stat().st_mtime_ns == untouched
    assert len(list(folder.glob("trained-*"))) == 1
    second = json.loads((folder / "evaluation.json").read_text())
    assert first == second


def test_an_evaluation_refuses_a_folder_with_other_settings(trained: Path) -> None:
    assert main(["evaluate", f"out={trained}", *SMALL]) == 0
    with pytest.raises(ConfigError, match=r"other settings: steps was 2 and is 3"):
        evaluate(settings(trained, "evaluation.steps=3"), show, torch.device("cpu"))


def test_without_judges_the_evaluation_names_the_command_that_trains_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="latentman train judges out="):
        evaluate(settings(tmp_path), show, torch.device("cpu"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card["classes"].update(place=99), "have other characters, colours or places"),
        (lambda card: card.update(format=1), r"trained on scenes of format 1 and 2, .*draw the scenes, and train them"),
        # Judges of the first world did not record its format.
        (lambda card: card.pop("format"), r"trained on scenes of format 1 and 2, .*draw the scenes, and train them"),
    ],
)
def test_judges_of_another_world_are_refused(trained: Path, tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    for part in ("classifier", "segmenter"):
        (tmp_path / part).mkdir()
        for file in ("judge.json", "judge.safetensors"):
            (tmp_path / part / file).write_bytes((trained / part / file).read_bytes())
    card = json.loads((tmp_path / "classifier" / "judge.json").read_text())
    change(card)
    (tmp_path / "classifier" / "judge.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=message):
        Judges.load(tmp_path, "cpu")


def test_a_damaged_judge_is_named(trained: Path, tmp_path: Path) -> None:
    for part in ("classifier", "segmenter"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "judge.json").write_bytes((trained / part / "judge.json").read_bytes())
        (tmp_path / part / "judge.safetensors").write_bytes(b"half a file")
    with pytest.raises(WeightsError, match=r"classifier/judge\.safetensors cannot be read"):
        Judges.load(tmp_path, "cpu")


def test_a_full_disk_leaves_no_partial_painting(trained: Path, tmp_path: Path) -> None:
    for part in ("classifier", "segmenter"):
        (tmp_path / part).mkdir()
        for file in ("judge.json", "judge.safetensors"):
            (tmp_path / part / file).write_bytes((trained / part / file).read_bytes())
    command = [sys.executable, "-c", LITTLE_SPACE, "evaluate", f"out={tmp_path}", *SMALL]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert ended.returncode == 2
    assert re.search(r"error: cannot write .*drawn\.safetensors: File too large; free some space", ended.stderr)
    assert [path.name for path in (tmp_path / "evaluation").iterdir()] == ["settings.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["models.a/b=asset:mini-sd"], "a name needs letters"),
        (["models.drawn=asset:mini-sd"], "'drawn' is reserved"),
        (["models.other=somebody/model"], "must be the folder of a finished model"),
    ],
)
def test_a_model_that_cannot_be_compared_is_refused(tmp_path: Path, changes: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_models(settings(tmp_path, *changes))


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"models\.mine=.*there is no folder"):
        find_models(settings(tmp_path, f"models.mine={tmp_path}/nothing"))


@pytest.mark.parametrize("key", ["evaluation.prompts=0", "evaluation.batch=0", "evaluation.steps=0", "judges.size=50"])
def test_invalid_settings_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=key.split(".")[1].split("=")[0]):
        settings(tmp_path, key)


def test_a_single_painting_is_judged_without_a_frechet_distance() -> None:
    judges = Judges(Classifier(8, CLASSES).eval(), Segmenter(8).eval(), 32)
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    plans = tuple(plan_scenes(2, seed=1, held_out=True))
    truth = Truth(plans, images, images[:, 0], images[:, 0] > 127)
    alone = judge_paintings(judges, images[:1], truth)
    assert alone["frechet"] is None
    assert alone["place"]["number"] == 1
    assert judge_paintings(judges, images, truth)["frechet"] == pytest.approx(0, abs=1e-4)


def test_the_sheet_shows_depth_drawn_and_painted_for_up_to_twelve_prompts(trained: Path) -> None:
    assert main(["evaluate", f"out={trained}", *SMALL]) == 0
    from latentman.train.mini.evaluate import _draw_truth

    truth = _draw_truth(trained / "evaluation", settings(trained), show, torch.device("cpu"))
    assert sheet(truth, truth.images).shape == (3, 3 * 64, 4 * 64)
