"""From names to scores: order, needs and reasons; and agreement of documentation, configuration and code."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from latentman.errors import ConfigError, WeightsError
from latentman.metrics.compute import METRICS, NOT_PLACED, compute, needs_of
from latentman.metrics.evidence import NEEDS, Evidence, Networks
from latentman.types import BodySequence, Camera, Conditions, Correspondence
from tests.factories.clip_weights import write_clip
from tests.factories.figures import SIDE, picture, stick_figure
from tests.factories.lpips_weights import write_lpips

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = Networks(Path("/nowhere/clip"), Path("/nowhere/lpips"))
OF_PICTURES = ["flicker", "clip_text", "clip_frames", "lpips_frames"]


def conditions_of(mask):
    zeros = np.zeros(mask.shape, np.float32)
    iuv, bary = np.zeros((*mask.shape, 3), np.uint8), np.zeros((*mask.shape, 3), np.float32)
    camera = Camera(np.eye(3), np.zeros(3), 1.0, 1.0, 0.0, 0.0, *mask.shape[1:])
    return Conditions(zeros, zeros, iuv, mask, np.where(mask, 0, -1).astype(np.int32), bary, (camera,) * len(mask))


def evidence(networks=NOWHERE, **changes):
    empty = np.empty((0, 2), np.int32)
    pixels = np.argwhere(stick_figure()).astype(np.int32)
    mask = np.stack([stick_figure()] * 2)
    # A body of one face without area is never visible, so scores judged by the mesh have no value.
    point = BodySequence(
        vertices=np.full((2, 3, 3), 2.0), faces=np.array([[0, 1, 2]]), joints=np.zeros((2, 22, 3)),
        part=np.array([1]), corner_uv=np.zeros((1, 3, 2)), fps=10.0,
    )  # fmt: skip
    found = Correspondence(((empty, empty), (pixels, pixels)), SIDE, "prev", np.zeros(2), np.zeros(2, int))
    known = {
        "prompt": "a red robot", "mask": mask, "conditions": conditions_of(mask), "body": point,
        "correspondence": found,
    }  # fmt: skip
    return Evidence(np.stack([picture(), picture(shift=2)]), networks, **(known | changes))


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    clip, lpips = tmp_path_factory.mktemp("clip"), tmp_path_factory.mktemp("lpips")
    write_clip(clip)
    write_lpips(lpips)
    return Networks(clip, lpips)


def test_scores_come_in_the_order_of_the_names(networks):
    names = sorted(METRICS, reverse=True)
    scores = compute(names, evidence(networks))
    assert [score.name for score in scores] == names
    absent = {score.name: score.reason for score in scores if score.value is None}
    judged = ["human_mse_mesh", "lpips_aligned", "map_error_px", "psnr_aligned", "ssim_aligned", "warp_error"]
    assert sorted(absent) == judged
    assert all("seen" in reason for reason in absent.values())


def test_without_weights_other_scores_are_computed_and_these_say_what_to_get():
    scores = {score.name: score for score in compute(list(METRICS), evidence())}
    for name in ("clip_text", "clip_frames"):
        assert "no CLIP model in /nowhere/clip" in scores[name].reason
        assert "openai/clip-vit-base-patch32" in scores[name].reason
    for name in ("lpips_frames", "lpips_aligned"):
        assert "no LPIPS weights" in scores[name].reason
        assert "PerceptualSimilarity" in scores[name].reason
    assert scores["human_mse"].value is not None


def test_a_bare_video_has_picture_scores_and_reasons_for_all_others(networks):
    bare = Evidence(evidence().frames, networks)
    scores = {score.name: score for score in compute(list(METRICS), bare)}
    assert sorted(name for name, score in scores.items() if score.value is not None) == [
        "clip_frames",
        "flicker",
        "lpips_frames",
    ]
    assert scores["clip_text"].reason == "there is no prompt to compare with"
    assert scores["background_flicker"].reason == "there is no mask of the figure"
    told = compute(["human_mse"], Evidence(bare.frames, networks, absent={"map": "because I say so"}))
    assert told[0].reason == "because I say so"


def test_without_a_conditioner_scores_of_the_figure_have_no_value(networks):
    scores = {score.name: score for score in compute(list(METRICS), evidence(networks), placed=False)}
    for name, score in scores.items():
        looks = not METRICS[name].of_the_map and name not in OF_PICTURES
        assert (score.reason == NOT_PLACED) == looks, name


def test_damaged_weights_are_not_reported_as_missing(networks, tmp_path):
    write_lpips(tmp_path)
    (tmp_path / "alex.pth").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"cannot read .*fetch it again"):
        compute(["lpips_frames"], evidence(Networks(networks.clip, tmp_path)))


def test_unknown_and_repeated_names_are_refused():
    with pytest.raises(ConfigError, match=r"metrics.names='human_mes'.*figure_contrast.*did you mean 'human_mse'"):
        compute(["human_mes"], evidence())
    with pytest.raises(ConfigError, match="'flicker' twice"):
        compute(["flicker", "flicker"], evidence())


def test_every_need_is_a_known_one():
    assert needs_of(METRICS) == set(NEEDS)


def names_in(choice):
    return yaml.safe_load((ROOT / "conf" / "metrics" / f"{choice}.yaml").read_text(encoding="utf-8"))["names"]


def test_all_contains_every_metric_and_standard_contains_none_that_needs_weights():
    assert sorted(names_in("all")) == sorted(METRICS)
    assert not needs_of(names_in("standard")) & {"clip", "lpips"}


def test_every_metric_is_explained_on_the_run_page_and_in_the_documentation():
    from latentman.report.pages.sections import METRICS as LABELS

    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name, metric in METRICS.items():
        assert name in LABELS
        assert f"\n### `{name}`\n" in text, f"{name} has no section in docs/metrics.md"
        row = re.search(rf"^\| `{name}` \|(.*)\|$", text, re.MULTILINE)
        assert row, f"{name} is not in the table of needs"
        marked = [need for need, cell in zip(NEEDS, row[1].split("|"), strict=True) if cell.strip() == "x"]
        assert marked == [need for need in NEEDS if need in metric.needs], name
