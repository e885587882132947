"""Every file in ``conf/`` composes, and the result passes every check of the schema."""

import itertools
import json
import re
from pathlib import Path

import hydra
import pytest
import yaml
from hydra.errors import HydraException

import latentman
from latentman.config import resolve
from latentman.engine.compose import check_command, compose
from latentman.engine.explain import ADDED_GROUPS
from latentman.engine.help import defaults, groups
from latentman.system.paths import asset

CONF = Path(__file__).resolve().parents[2] / "conf"
EXPERIMENTS = groups(CONF)["exp"]
TRAINED = {"sampler": "animatediff", "method": "animatediff", "sla": "none", "pwg": "none"}
"""A trained model, which refuses the parts of the training-free samplers."""
TRANSFORMERS = ("sd35", "sd35_large", "flux", "flux_schnell")
"""Setups that choose a schedule of their own, and refuse what only a UNet has."""
EXCLUSIVE = ("token_warping", "tokenflow", "vidtome", "generative_rendering")


def test_plain_hydra_composes_the_same_configuration() -> None:
    overrides = ["seed=3", "sla=none", "num_frames=4", "sweep_dir=x"]  # the default sweep_dir contains the time
    with hydra.initialize_config_dir(version_base="1.3", config_dir=latentman.config_dir()):
        cfg = hydra.compose("config", overrides=overrides)
    assert resolve(cfg) == compose(overrides)


def test_plain_hydra_checks_the_schema() -> None:
    with (
        hydra.initialize_config_dir(version_base="1.3", config_dir=latentman.config_dir()),
        pytest.raises(HydraException, match="num_frames"),
    ):
        hydra.compose("config", overrides=["num_frames=abc"])


def test_the_default_composes() -> None:
    assert compose([]).setup.name == "mini"


def rounds() -> list[dict[str, str]]:
    """Deal out every option of every group to as few compositions as there are methods.

    Groups that change the same attention have compositions of their own, since only one of them may be on. So have the
    schedules that ``fidelity=paper`` and ``fidelity=official`` refuse, and the setups of transformers.
    """
    options = {group: choices for group, choices in groups(CONF).items() if group not in ADDED_GROUPS}
    schedules = [choice for choice in options["schedule"] if choice != "ddim"]
    alone = [*({group: "full"} for group in EXCLUSIVE), TRAINED, *({"schedule": choice} for choice in schedules)]
    alone += [{"setup": choice} for choice in TRANSFORMERS]
    options["schedule"] = ["ddim"]
    options["setup"] = [choice for choice in options["setup"] if choice not in TRANSFORMERS]
    for group in ("sampler", "method"):
        options[group] = [choice for choice in options[group] if choice != TRAINED[group]]
    together = {group: ["none"] if group in EXCLUSIVE else choices for group, choices in options.items()}
    dealt = itertools.zip_longest(*together.values())
    return [*({g: c for g, c in zip(together, row, strict=True) if c is not None} for row in dealt), *alone]


@pytest.mark.parametrize("choices", rounds(), ids=lambda choices: ",".join(choices.values()))
def test_every_option_composes_under_its_name(choices: dict[str, str]) -> None:
    # The method is the last group: what it chooses for others is left to them.
    config = compose([f"{group}={choice}" for group, choice in choices.items()])
    for group, choice in choices.items():
        named = yaml.safe_load((CONF / group / f"{choice}.yaml").read_text(encoding="utf-8")) or {}
        if "name" in named:
            assert getattr(config, group).name == named["name"]


def test_the_rounds_hold_every_option() -> None:
    dealt = {item for choices in rounds() for item in choices.items()}
    missing = {(g, c) for g, all_of in groups(CONF).items() if g not in ADDED_GROUPS for c in all_of} - dealt
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_job_of_an_experiment_composes(experiment: str) -> None:
    check_command([f"+exp={experiment}", "seed=1"])  # its other seeds change nothing that is checked


@pytest.mark.slow
@pytest.mark.parametrize("variant", groups(CONF)["variant"])
def test_a_variant_composes_and_overrides_the_method(variant: str) -> None:
    config = compose([f"+variant={variant}", "method=latentman"])
    assert config.sla.enabled == (variant != "baseline")
    assert config.pwg.enabled == (variant not in ("baseline", "pwg_none"))


def test_the_command_line_overrides_a_variant() -> None:
    config = compose(["+variant=mesh", "correspondence=densepose_lap", "sla=none", "pwg.delta=0.5"])
    assert (config.correspondence.name, config.sla.enabled, config.pwg.delta) == ("densepose_lap", False, 0.5)


def test_a_variant_states_every_choice_in_which_variants_differ() -> None:
    said = {}
    for variant in groups(CONF)["variant"]:
        file = yaml.safe_load((CONF / "variant" / f"{variant}.yaml").read_text(encoding="utf-8"))
        said[variant] = {key for entry in file["defaults"] for key in entry}
    assert len(set(map(frozenset, said.values()))) == 1, said


@pytest.mark.slow
@pytest.mark.parametrize("method", groups(CONF)["method"])
def test_the_command_line_overrides_the_method(method: str) -> None:
    config = compose([f"method={method}", "sla=none", "pwg=none", "sampler=per_frame"])
    assert (config.sla.enabled, config.pwg.enabled, config.sampler.name) == (False, False, "per_frame")


@pytest.mark.parametrize("method", groups(CONF)["method"])
def test_every_method_composes_with_the_fewest_steps(method: str) -> None:
    assert compose([f"method={method}", "num_inference_steps=4"]).num_steps == 4


def test_method_comes_after_every_group_that_it_overrides() -> None:
    order = list(defaults(CONF))
    assert order[-1] == "method"


def test_groups_that_are_added_with_a_plus_are_not_in_the_defaults_list() -> None:
    assert set(groups(CONF)) - set(defaults(CONF)) == set(ADDED_GROUPS)


@pytest.mark.nightly
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_job_of_an_experiment_composes_on_the_papers_models(experiment: str) -> None:
    check_command([f"+exp={experiment}", "setup=sd15", "seed=1"])


OWN_LENGTH = {"fig2_latent_shift": (2, None), "smoke": (2, 4)}
"""Experiments with a fixed number of frames and steps, the same on every model."""


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_one_override_runs_an_experiment_on_the_papers_models(experiment: str) -> None:
    there, default = compose([f"+exp={experiment}", "setup=sd15", "hydra.mode=RUN"]), compose(["setup=sd15"])
    assert there.setup == default.setup
    assert (there.text, there.depth) == (default.text, default.depth)
    frames, steps = OWN_LENGTH.get(experiment, (default.num_frames, None))
    assert (there.num_frames, there.num_inference_steps) == (frames, steps)


@pytest.mark.parametrize("prompts", [name for name in groups(CONF)["prompts"] if name != "single"])
def test_the_embedded_model_knows_every_word_of_its_prompts(prompts: str) -> None:
    vocabulary = json.loads(asset("mini-sd", "tokenizer", "vocab.json").read_text(encoding="utf-8"))
    known = {token.removesuffix("</w>") for token in vocabulary}
    for entry in compose([f"prompts={prompts}"]).prompts.entries:
        words = re.findall(r"[a-z]+", (entry.mini or entry.text).lower())
        assert not set(words) - known, f"{entry.mini or entry.text}: it does not know {set(words) - known}"
