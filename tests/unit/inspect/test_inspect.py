"""``latentman motion inspect``: what it prints, draws and answers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentman.cli import main
from latentman.errors import ConfigError
from latentman.inspect.__main__ import FRAMES
from latentman.inspect.__main__ import main as inspect
from latentman.inspect.contact_sheet import TILE
from tests.factories.motion_clips import person
from tests.unit.motion.bvh_files import MIXAMO, write_bvh

FILES = Path(__file__).parents[2] / "data" / "motion"


def test_a_sound_file_is_described_and_drawn(tmp_path, capsys):
    path = write_bvh(tmp_path / "walk.bvh", person(), names=MIXAMO)
    assert inspect(["inspect", str(path)]) == 0
    said = capsys.readouterr().out
    for line in (
        "rig:       mixamo",
        "rate:      20 frames a second (Frame Time: 0.0500000 in line",
        "length:    40 frames, 1.95 s, 0 skipped in front",
        "up:        Y: the body stands along Y in 100 % of the frames",
        "sides:     as in the file",
        "  left_elbow     mixamorig:LeftForeArm",
        "findings:  none",
        "contact sheet: walk.png",
    ):
        assert line in said
    picture = np.asarray(Image.open("walk.png"))
    assert picture.shape[1] == FRAMES * TILE
    # Two rows of tiles, each of which shows a body.
    for row in range(2):
        for column in range(FRAMES):
            tile = picture[14 + row * TILE : 14 + (row + 1) * TILE, column * TILE : (column + 1) * TILE]
            assert 0.03 < (tile.max(axis=-1) > 60).mean() < 0.5


def test_doubts_are_listed_once_and_answered_with_two(capsys, caplog):
    assert inspect(["inspect", str(FILES / "lying_z_up.bvh"), "--no-sheet"]) == 2
    captured = capsys.readouterr()
    assert captured.out.count("taken to be Z up") == 1
    assert not caplog.records
    assert not list(Path().glob("*.png"))
    assert inspect(["inspect", str(FILES / "lying_z_up.bvh"), "--no-sheet", "--up=z"]) == 0
    assert "taken to be" not in capsys.readouterr().out


def test_the_options_are_those_of_a_run(tmp_path, capsys):
    np.savez(tmp_path / "walk.npz", joints=person(), fps=20)
    inspect(["inspect", str(tmp_path / "walk.npz"), "--no-sheet", "--file-fps", "40", "--mirror", "image", "--up", "y"])
    said = capsys.readouterr().out
    assert "40 frames, 0.97 s" in said
    assert "mirror image" in said
    assert "motion.up=y" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["look", "a.bvh"], "'look' is not a command of latentman motion"),
        (["inspect"], "FILE"),
        (["inspect", "none.bvh"], r"motion\.file=none\.bvh: there is no such file"),
        (["inspect", "a.bvh", "--up", "w"], "--up"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        inspect(arguments)


def test_the_command_is_known_to_latentman(capsys):
    assert main(["motion"]) == 0
    assert "latentman motion inspect FILE" in capsys.readouterr().out
    assert main(["motion", "inspect", "none.bvh"]) == 2
