"""The render stage: where I, U and V come from, what follows them, and what the stage's hash covers."""

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentman.body.build import build
from latentman.body.skinning import rest_joints
from latentman.engine.compose import compose
from latentman.engine.overrides import split_arguments
from latentman.errors import ConfigError, DataError
from latentman.pipeline.in_memory import make_body, make_correspondence, make_render
from latentman.pipeline.iuv_files import check_iuv
from latentman.pipeline.run import Run
from latentman.pipeline.stages.render import STAGE
from latentman.report.drawn_pictures import draw_pictures
from latentman.types import BodySequence, Motion
from latentman.video import write_png_frames
from tests.factories.bodies import walk
from tests.factories.densepose_files import atlas_of, write_mat
from tests.factories.smpl_files import random_model, write_npz

SMALL = ["setup.image_size=64", "setup.latent_size=16", "pwg.size=64", "num_frames=2", "depth.range=clip"]
LAP = ["correspondence=densepose_lap", "solver=scipy"]


@pytest.fixture(scope="module")
def body():
    return walk(frames=2)


@pytest.fixture(scope="module")
def drawn(body):
    return make_render(compose(SMALL), body)


def settings_of(config):
    return STAGE.settings(Run(config, Path("/nowhere"), config.prompt, "a person walks", {}, lambda: None))


def with_images(folder, *more):
    return compose(split_arguments([*SMALL, "iuv=images", f"iuv.folder={folder}", *more]).overrides)


def test_maps_from_pictures_replace_i_u_and_v_and_nothing_else(tmp_path, body, drawn):
    other = np.where(drawn.iuv[..., :1] > 0, (7, 1, 2), (0, 0, 0)).astype(np.uint8)
    write_png_frames(tmp_path / "maps, take 2", other)
    seen = make_render(with_images(tmp_path / "maps, take 2"), body)
    assert np.array_equal(seen.iuv, other)
    for item in fields(seen):
        if item.name not in ("iuv", "cameras"):
            assert np.array_equal(getattr(seen, item.name), getattr(drawn, item.name)), item.name
    assert all(one.stands_at(other) for one, other in zip(seen.cameras, drawn.cameras, strict=True))


def test_the_pictures_that_the_command_writes_give_the_same_maps_and_correspondences(tmp_path, body, drawn):
    write_png_frames(tmp_path / "iuv", draw_pictures("iuv", body, drawn))
    config = with_images(tmp_path / "iuv", *LAP)
    seen = make_render(config, body)
    assert np.array_equal(seen.iuv, drawn.iuv)
    ours, theirs = (make_correspondence(config, conditions, body) for conditions in (drawn, seen))
    assert all(np.array_equal(a, b) for one, two in zip(ours.pairs, theirs.pairs, strict=True)
               for a, b in zip(one, two, strict=True))  # fmt: skip


def test_the_assignment_follows_the_pictures(tmp_path, body, drawn):
    maps = drawn.iuv.copy()
    maps[:, :, ::2] = 0
    write_png_frames(tmp_path / "half", maps)
    config = with_images(tmp_path / "half", *LAP)
    found = make_correspondence(config, make_render(config, body), body, 64)
    target, source = found.pairs[1]
    assert len(target) > 50
    assert (target[:, 1] % 2 == 1).all()
    assert (source[:, 1] % 2 == 1).all()


def test_the_hash_follows_the_files_content_and_not_their_place(tmp_path, drawn):
    for name in ("a", "b"):
        write_png_frames(tmp_path / name, np.asarray(drawn.iuv))
    first, second = (settings_of(with_images(tmp_path / name)) for name in ("a", "b"))
    assert first == second
    Image.fromarray(np.asarray(drawn.iuv[0])).save(tmp_path / "b" / "001.png")
    assert settings_of(with_images(tmp_path / "b")) != first
    assert settings_of(with_images(tmp_path / "a", "iuv.channels=vui")) != first


def test_drawn_maps_have_the_hash_that_they_had_before_there_were_others():
    config = compose([])
    depth = {"encoding": "inverse", "range": "clip", "fixed": None, "low": 0.3, "high": 0.9}
    assert settings_of(config) == [
        config.camera.result(), depth, {"name": "torch"}, {"name": "rendered"}, asdict(config.video),
        256, 10.0,
    ]  # fmt: skip


def test_pictures_that_do_not_fit_the_run_are_refused_before_the_first_stage(tmp_path, drawn):
    write_png_frames(tmp_path / "maps", np.asarray(drawn.iuv))
    check_iuv(with_images(tmp_path / "maps"))
    with pytest.raises(DataError, match="holds 2 pictures, but num_frames=3"):
        check_iuv(with_images(tmp_path / "maps", "num_frames=3"))
    with pytest.raises(DataError, match=r"64x64 pixels.*128x128"):
        check_iuv(with_images(tmp_path / "maps", "setup.image_size=128"))


@pytest.fixture(scope="module")
def smpl(tmp_path_factory):
    """Return the settings of an SMPL model and of a map of its surface, and a body of two frames at rest."""
    folder = tmp_path_factory.mktemp("smpl")
    model = random_model()
    # A random file may name one triple of vertices twice; SMPL does not.
    kept = np.unique(np.sort(model["f"], axis=1), axis=0, return_index=True)[1]
    model["f"] = model["f"][np.sort(kept)]
    write_npz(folder / "SMPL_NEUTRAL.npz", model)
    write_mat(folder / "UV_Processed.mat", atlas_of(model["f"], len(model["v_template"])))
    config = compose([*SMALL, "body=smpl", f"body.model={folder}/SMPL_NEUTRAL.npz"])
    joints = rest_joints(build(config.body))[:22] + np.array([0, 1, 0])
    sequence = make_body(config, Motion(np.stack([joints] * 2), 10.0, "a person stands", "test"))
    return [f"body.model={folder}/SMPL_NEUTRAL.npz"], f"iuv.file={folder}/UV_Processed.mat", sequence


@pytest.mark.slow
def test_denseposes_map_gives_each_pixel_the_part_and_place_of_its_face(smpl):
    model, file, sequence = smpl
    config = compose([*SMALL, "body=smpl", *model, "iuv=smpl_densepose", file])
    check_iuv(config)
    seen = make_render(config, sequence)
    plain = make_render(replace(config, iuv=compose(SMALL).iuv), sequence)
    assert np.array_equal(seen.mask, seen.iuv[..., 0] > 0)
    assert np.array_equal(seen.face, plain.face)
    assert not np.array_equal(seen.iuv, plain.iuv)
    assert isinstance(sequence, BodySequence)
    assert settings_of(config) != settings_of(replace(config, iuv=compose(SMALL).iuv))


@pytest.mark.parametrize(("overrides", "message"), [
    (["iuv=images"], "iuv=images needs iuv.folder"),
    (["iuv=smpl_densepose"], "iuv=smpl_densepose needs iuv.file"),
    (["iuv=smpl_densepose", "iuv.file=a.mat"], "body.name=anny: use body=smpl"),
    (["iuv=smpl_densepose", "iuv.file=a.mat", "body=smplx"], "body.name=smplx: use body=smpl"),
    (["iuv=images", "iuv.folder=a", "companions=[{text: a person waves}]"], "there are 1 companions"),
    (["iuv.folder=a"], "add iuv=images"),
    (["iuv=images", "iuv.folder=a", "iuv.file=b"], "add iuv=smpl_densepose"),
    (["iuv=images", "iuv.folder=a", "iuv.channels=bgr"], "choose one of iuv, vui"),
])  # fmt: skip
def test_keys_that_do_not_fit_are_refused_by_name(overrides, message):
    with pytest.raises(ConfigError, match=message):
        check_iuv(compose(split_arguments(overrides).overrides))


def test_a_scene_is_drawn_and_counts_only_where_there_is_one(body, drawn):
    without = compose([*SMALL, "depth.scene=true"])
    assert settings_of(without) == settings_of(compose(SMALL))
    within = compose([*SMALL, "scene=room", "background=mapped", "camera.orbit=20"])
    seen = make_render(within, body)
    assert len(seen.scene.planes) == 5
    assert drawn.scene is None
    assert settings_of(within) != settings_of(compose([*SMALL, "scene=floor", "camera.orbit=20"]))
