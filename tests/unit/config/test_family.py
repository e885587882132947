"""The groups of the related methods: what they refuse, and that a method that is off leaves no trace."""

from pathlib import Path

import pytest

from latentman.engine.compose import compose
from latentman.engine.help import groups
from latentman.errors import ConfigError
from latentman.system.paths import config_dir

NAMES = ("latentwarp", "token_warping", "tokenflow", "vidtome", "generative_rendering")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sampler", ["t2v_zero", "masactrl"])
def test_a_method_turns_itself_on_and_the_papers_off(name, sampler):
    config = compose([f"method={name}", f"sampler={sampler}"])
    assert set(config.family.enabled) == {name}
    assert (config.sla.enabled, config.pwg.enabled, config.sampler.name) == (False, False, sampler)
    assert config.correspondence.name == "mesh"
    assert config.noise.name == ("uv" if name == "generative_rendering" else "shared")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_combined_with_the_papers_by_the_same_toggles(name):
    toggled, named = (
        compose([*overrides, "sweep_dir=x"])
        for overrides in ([f"method={name}", "sla=full", "pwg=full"], [f"method=latentman_{name}"])
    )
    assert toggled == named
    assert (toggled.sla.enabled, toggled.pwg.enabled) == (True, True)
    assert not compose([f"method={name}", f"{name}=none"]).family.enabled


def test_a_method_that_is_off_leaves_no_trace_in_the_results_settings():
    assert compose([]).family.results() == []
    assert compose(["tokenflow.spacing=3"]).family.results() == []
    (found,) = compose(["method=tokenflow", "tokenflow.spacing=3"]).family.results()
    assert (found["method"], found["spacing"]) == ("tokenflow", 3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method=latentwarp", "latentwarp.window=[0.5,0.2]"], r"latentwarp.window=\[0.5, 0.2\] is not a window"),
        (["method=token_warping", "token_warping.window=[0.1,0.2]", "num_inference_steps=4"], "holds no step"),
        (["method=vidtome", "vidtome.window=null", "vidtome.steps=[0,20]"], "vidtome.steps=.* exceeds the run"),
        (["method=tokenflow", "tokenflow.spacing=8"], "tokenflow.spacing=8 leaves one key frame of 8 frames"),
        (["method=tokenflow", "num_frames=2"], "tokenflow.spacing=2 leaves one key frame of 2 .*it must be 1 or less"),
        (["method=generative_rendering", "generative_rendering.spacing=9"], "generative_rendering.spacing=9 leaves"),
        (["method=tokenflow", "tokenflow.spacing=0"], "tokenflow.spacing=0 must be 1 or more"),
        (["method=vidtome", "num_frames=3"], "vidtome.span=4 is more than the 3 frames"),
        (["method=vidtome", "vidtome.span=1"], "vidtome.span=1 must be 2 or more"),
        (["method=vidtome", "vidtome.match=similarity", "vidtome.ratio=1.5"], "vidtome.ratio=1.5 must be between 0"),
        (["method=vidtome", "vidtome.ratio=0.5"], "vidtome.ratio=0.5, .*no effect with vidtome.match=map"),
        (["method=vidtome", "tokenflow=full"], "tokenflow=full and vidtome=full change the same attention"),
        (["method=vidtome", "sampler.anchor=all"], "vidtome=full needs sampler.anchor=first"),
        (["method=token_warping", "token_warping.tokens=[]"], "token_warping.tokens=.* warps nothing"),
        (["method=token_warping", "token_warping.tokens=[head]"], "token_warping.tokens"),
        (["method=token_warping", "token_warping.layers=some"], "token_warping.layers"),
        (["method=tokenflow", "tokenflow.match=luck"], "tokenflow.match"),
        (["method=latentwarp", "latentwarp.interpolation=cubic"], "latentwarp.interpolation"),
        (["method=latentwarp", "camera.orbit=60"], "latentwarp.background=true takes the background for still"),
        (["method=generative_rendering", "generative_rendering.weight=0"], "generative_rendering.weight=0"),
        (["method=generative_rendering", "generative_rendering.texels=0"], "generative_rendering.texels=0"),
    ],
)
def test_what_does_not_fit_the_clip_is_refused_and_the_key_is_named(overrides, message):
    with pytest.raises(ConfigError, match=message):
        compose(overrides)


def test_token_warping_takes_any_anchor_and_a_moving_camera_needs_no_background():
    assert compose(["method=token_warping", "sampler.anchor=prev"]).sampler.anchor == "prev"
    assert compose(["method=latentwarp", "camera.orbit=60", "latentwarp.background=false"]).camera.moves


@pytest.mark.parametrize("name", NAMES)
def test_the_files_state_every_default(name):
    assert groups(Path(config_dir()))[name] == ["full", "none"]
    full = getattr(compose([f"{name}=full"]), name)
    plain = getattr(compose([f"{name}.enabled=true", f"{name}.window=[0.0,1.0]"]), name)
    assert {**vars(full), "window": None} == {**vars(plain), "window": None}
