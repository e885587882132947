"""``latentman pictures``: what a run drew, as PNG frames for other programs."""

from dataclasses import asdict

import numpy as np
import pytest

from latentman.errors import RecordError
from latentman.report.drawn_pictures import draw_pictures, main
from latentman.system.paths import write_npz
from latentman.video import read_png_frames
from tests.factories.bodies import walk
from tests.factories.views import see


@pytest.fixture(scope="module")
def seen():
    body = walk(frames=2)
    return body, see(body, yaw=20, size=64)


@pytest.fixture
def run(tmp_path, seen):
    write_npz(tmp_path / "run" / "body.npz", asdict(seen[0]))
    write_npz(tmp_path / "run" / "conditions.npz", seen[1].arrays())
    return tmp_path / "run"


def test_the_grey_figure_is_bright_where_it_faces_the_camera_and_its_background_is_black(seen):
    body, conditions = seen
    grey = draw_pictures("grey", body, conditions)
    assert (grey[~conditions.mask] == 0).all()
    assert 60 <= grey[conditions.mask].min() < 100
    assert 200 < grey[conditions.mask].max() <= 217
    assert (grey[..., 0] == grey[..., 2]).all()


def test_the_command_writes_one_picture_per_frame_and_prints_the_folder(run, seen, capsys):
    assert main([str(run), "--kind", "iuv"]) == 0
    assert capsys.readouterr().out.strip() == str(run / "pictures" / "iuv")
    assert np.array_equal(read_png_frames(run / "pictures" / "iuv"), seen[1].iuv)


def test_a_folder_that_holds_files_is_not_written_to(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "000.png").write_text("mine")
    with pytest.raises(RecordError, match="is not empty"):
        main([str(run), "--out", str(tmp_path / "out")])
    assert (tmp_path / "out" / "000.png").read_text() == "mine"


def test_a_folder_that_drew_nothing_is_refused(tmp_path):
    with pytest.raises(RecordError, match=r"has no body\.npz"):
        main([str(tmp_path)])
