"""What the stages make of the key ``companions``."""

import numpy as np
import pytest

from latentman.engine.compose import compose
from latentman.files.npz_file import read_npz
from latentman.pipeline.run import Run
from latentman.pipeline.stages import STAGES
from latentman.pipeline.stages.body import make_body
from latentman.pipeline.stages.motion import make_motion

WAVES = "companions=[{text: a person waves, offset: [1.2, -0.5], facing: 90, seed: 7, shape: female}]"


def run_of(folder, *overrides):
    config = compose(["num_frames=4", "seed=3", *overrides])
    folder.mkdir(exist_ok=True)
    run = Run(config, folder, config.prompt, "a person walks forward", {}, lambda: None)
    make_motion(run, lambda done, total: None)
    make_body(run, lambda done, total: None)
    return run


def depends(run):
    return {stage.name: stage.settings(run) for stage in STAGES if stage.name in ("motion", "body")}


def test_without_companions_there_is_one_character_and_nothing_else_to_depend_on(tmp_path):
    run = run_of(tmp_path / "alone")
    assert run.motion_files == ["motion.npz"]
    assert len(run.characters) == 1
    assert run.body().part.max() == 24
    assert len(depends(run)["motion"]) == 6
    assert len(depends(run)["body"]) == 2


def test_a_companion_leaves_the_first_character_as_it_is(tmp_path):
    alone, together = run_of(tmp_path / "alone"), run_of(tmp_path / "together", WAVES)
    assert (alone.folder / "motion.npz").read_bytes() == (together.folder / "motion.npz").read_bytes()
    first, both = alone.body(), together.body()
    vertices = first.vertices.shape[1]
    np.testing.assert_array_equal(both.vertices[:, :vertices], first.vertices)
    np.testing.assert_array_equal(both.joints, first.joints)
    np.testing.assert_array_equal(both.faces[: len(first.faces)], first.faces)
    assert (both.part[: len(first.faces)] <= 24).all()
    assert (both.part[len(first.faces) :] > 24).all()


def test_a_companion_has_its_own_motion_body_and_place(tmp_path):
    run = run_of(tmp_path / "together", WAVES)
    assert run.motion_files == ["motion.npz", "motion_1.npz"]
    motion = read_npz(tmp_path / "together" / "motion_1.npz")
    assert str(motion["text"]) == "a person waves"
    shape, other = ([c.body.shape for c in run.characters]), run.characters[1]
    assert shape == ["neutral", "female"]
    assert (other.seed, other.offset, other.facing) == (7, (1.2, -0.5), 90.0)
    own = run_of(tmp_path / "own", "body.shape=female", "seed=7")
    again = Run(own.config, own.folder, own.prompt, "a person waves", {}, lambda: None)
    make_motion(again, lambda done, total: None)
    np.testing.assert_array_equal(motion["joints"], read_npz(own.folder / "motion.npz")["joints"])


def test_seed_and_shape_are_by_default_the_runs_seed_plus_the_number_and_the_bodys_shape():
    config = compose(["seed=3", "body.shape=male", "companions=[{text: a person runs},{text: a person runs}]"])
    run = Run(config, None, "", "a person walks", {}, lambda: None)
    assert [c.seed for c in run.characters] == [3, 4, 5]
    assert {c.body.shape for c in run.characters} == {"male"}
    assert run.characters[2].offset == (1.0, 0.0)


@pytest.mark.slow
def test_the_place_of_a_companion_does_not_make_its_motion_again(tmp_path):
    one, moved, other = (
        depends(run_of(tmp_path / str(i), f"companions=[{{text: a person {verb}, offset: [{x}, 0]}}]"))
        for i, (verb, x) in enumerate([("waves", 1), ("waves", 2), ("jumps", 1)])
    )
    assert one["motion"] == moved["motion"] != other["motion"]
    assert one["body"] != moved["body"]
