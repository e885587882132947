"""What ``fidelity`` chooses, and that every row of its page is held by a test that exists."""

import re
from pathlib import Path

import pytest

from latentman.diffusion.schedule import build_schedule
from latentman.engine.compose import compose
from latentman.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
FIDELITIES = ["ours", "paper", "official"]


@pytest.mark.parametrize(
    ("fidelity", "expected"),
    [
        ("ours", ("mesh", "official")),
        ("paper", ("densepose_lap", "paper")),
        ("official", ("densepose_lap", "official")),
    ],
)
def test_the_map_and_its_features_follow_the_fidelity(fidelity, expected):
    config = compose([f"fidelity={fidelity}"])
    assert (config.correspondence.name, config.correspondence.features) == expected
    assert config.reference.name == "prev_new"
    assert config.correspondence.e_weight == 1


@pytest.mark.parametrize(
    ("fidelity", "expected"),
    [
        ("ours", ("direct", "mean", 0.01)),
        ("paper", ("full", "sum", 2.1e-4)),
        ("official", ("official_uncond", "mean", 0.01)),
    ],
)
def test_the_gradient_its_loss_and_its_strength_follow_the_fidelity(fidelity, expected):
    pwg = compose([f"fidelity={fidelity}"]).pwg
    assert (pwg.gradient, pwg.loss, pwg.delta) == expected
    assert pwg.enabled
    assert pwg.size == 256


def test_the_papers_strength_is_the_released_one_for_ten_thousand_matches():
    assert compose(["fidelity=paper"]).pwg.delta == pytest.approx(0.01 * 25**2 / (3 * 10_000), rel=0.01)


@pytest.mark.parametrize("fidelity", FIDELITIES)
@pytest.mark.parametrize(
    ("method", "steps", "sla", "pwg"),
    [
        ("latentman", 100, range(40), range(20, 70)),
        ("latentman_masactrl", 50, range(20), range(20, 40)),
    ],
)
def test_windows_are_those_of_the_paper_at_its_number_of_steps(fidelity, method, steps, sla, pwg):
    config = compose([f"fidelity={fidelity}", f"method={method}", "setup=sd15"])
    assert config.num_steps == steps
    assert config.sla.indices("sla", steps) == sla
    assert config.pwg.indices("pwg", steps) == pwg


def test_texts_and_depth_are_the_setups_released_ones():
    ours, official = (compose(["setup=sd15", f"fidelity={name}"]) for name in ("ours", "official"))
    assert (ours.depth.encoding, official.depth.encoding) == ("inverse", "official")
    assert official.text.suffix == official.setup.released.suffix != ours.text.suffix
    assert official.text.negative == official.setup.released.negative != ours.text.negative
    assert official.setup.guidance_scale == 9.0
    mini, default = compose(["fidelity=official"]), compose([])
    assert (mini.depth, mini.text, mini.camera) == (default.depth, default.text, default.camera)


def test_a_text_of_the_users_own_wins_over_the_fidelity():
    config = compose(["setup=sd15", "fidelity=official", "text.suffix=", "pwg.gradient=direct", "method=t2v_zero"])
    assert config.text.suffix == ""
    assert config.pwg.gradient == "direct"
    assert not config.pwg.enabled


@pytest.mark.parametrize(("fidelity", "first", "last"), [("ours", 991, 1), ("paper", 990, 0), ("official", 990, 0)])
def test_timesteps_of_the_released_code_end_at_zero(fidelity, first, last):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False, clip_sample=False)
    offset = compose([f"fidelity={fidelity}"]).sampler.steps_offset
    schedule = build_schedule(scheduler, 100, eta=0.0, seed=0, steps_offset=offset)
    assert (schedule.timesteps[0], schedule.timesteps[-1]) == (first, last)


@pytest.mark.parametrize("guidance", [0.5, 1.0])
def test_official_guidance_without_an_unconditional_prediction_is_refused(guidance):
    with pytest.raises(ConfigError, match=r"official_uncond needs a guidance_scale above 1.*pwg.gradient=direct"):
        compose(["fidelity=official", f"setup.guidance_scale={guidance}"])
    compose(["fidelity=official", f"setup.guidance_scale={guidance}", "pwg=none"])


def test_every_row_of_the_page_names_a_test_that_exists():
    page = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", page)
    assert len(named) >= 30
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.M), f"{file} has no {test}"
    rows = [line for line in page.splitlines() if re.match(r"\| [A-Z]\d+ ", line)]
    assert len({row.split()[1] for row in rows}) == len(rows) >= 35
