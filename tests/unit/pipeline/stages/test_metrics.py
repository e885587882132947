"""The metrics stage: what it depends on, and what is refused before the first stage."""

from pathlib import Path

import pytest

from latentman.engine.compose import compose
from latentman.errors import ConfigError, ShapeError, WeightsError
from latentman.pipeline.run import Run
from latentman.pipeline.stages import STAGES
from latentman.pipeline.stages.metrics import STAGE, check_metrics, networks_of
from tests.factories.clip_weights import write_clip
from tests.factories.lpips_weights import write_lpips


def a_run(*overrides):
    config = compose(list(overrides))
    return Run(config, Path("/nowhere"), config.prompt, "a person walks", {}, lambda: None)


def test_the_standard_metrics_depend_on_their_names_alone(tmp_path):
    run = a_run(f"paths.weights={tmp_path}")
    before = STAGE.settings(run)
    assert before == run.config.metrics.names
    write_lpips(tmp_path)
    assert STAGE.settings(run) == before


def test_learned_metrics_are_computed_again_when_their_weights_come_or_change(tmp_path):
    (tmp_path / "clip").mkdir()
    run = a_run("metrics=all", f"paths.weights={tmp_path}")
    absent = STAGE.settings(run)
    write_clip(tmp_path / "clip")
    present = STAGE.settings(run)
    assert absent != present == STAGE.settings(run)
    (tmp_path / "clip" / "README.md").write_text("not read by anything")
    assert STAGE.settings(run) == present
    write_clip(tmp_path / "clip", seed=1)
    assert STAGE.settings(run) != present


def test_other_metrics_change_no_earlier_stage():
    plain, everything = a_run(), a_run("metrics=all", "metrics.clip=/some/folder")
    for stage in STAGES[:-1]:
        assert stage.settings(plain) == stage.settings(everything)
        assert stage.outputs(plain) == stage.outputs(everything)


def test_weights_are_looked_for_where_the_configuration_says(tmp_path):
    config = compose(["paths.weights=/w", "metrics.lpips='~/mine'"])
    found = networks_of(config)
    assert (found.clip, found.lpips) == (Path("/w/clip"), Path.home() / "mine")


def test_missing_weights_are_allowed_unless_they_were_named(tmp_path):
    check_metrics(compose(["metrics=all", f"paths.weights={tmp_path}"]))
    check_metrics(compose([f"metrics.clip={tmp_path}"]))  # standard does not look at it
    with pytest.raises(WeightsError, match=rf"metrics.clip={tmp_path}: no CLIP model .*openai/clip-vit-base-patch32"):
        check_metrics(compose(["metrics=all", f"metrics.clip={tmp_path}"]))
    with pytest.raises(WeightsError, match=rf"metrics.lpips={tmp_path}: no LPIPS weights"):
        check_metrics(compose(["metrics=all", f"metrics.lpips={tmp_path}"]))


def test_unknown_names_and_sizes_without_a_grid_are_refused_before_the_first_stage():
    with pytest.raises(ConfigError, match=r"metrics.names='psnr_aligne'.*did you mean 'psnr_aligned'"):
        check_metrics(compose(["metrics.names=[human_mse,psnr_aligne]"]))
    check_metrics(compose(["setup.image_size=384", "setup.latent_size=96", "pwg.size=192"]))
    with pytest.raises(ShapeError, match=r"514x514.*setup.image_size"):
        check_metrics(compose(["setup.image_size=514", "setup.latent_size=257", "pwg.size=257"]))
