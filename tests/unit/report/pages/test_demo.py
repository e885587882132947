"""The page of the demo shows both videos, the change of H_MSE and what each stage made."""

import pytest
from PIL import Image

from latentman.errors import RecordError
from latentman.report.pages.demo import write_demo
from tests.factories.report import make_run


@pytest.fixture
def runs(tmp_path):
    make_run(tmp_path / "baseline", human_mse=40.0, pictures=True, num_frames=3)
    make_run(tmp_path / "latentman", human_mse=30.0, pictures=True, num_frames=3)
    return tmp_path, tmp_path / "baseline", tmp_path / "latentman"


def test_both_videos_the_change_and_the_stages_are_on_one_page(runs):
    made = write_demo(*runs, "latentman demo seed=3")
    page = made.page.read_text()
    assert made.change == pytest.approx(-25.0)
    assert "<b>-25.0 %</b>" in page
    assert "latentman demo seed=3" in page
    assert page.index("Text2Video-Zero") < page.index(">LatentMan<")
    for link in ("baseline/index.html", "latentman/index.html"):
        assert f'href="{link}"' in page
    for title in ("Depth", "DensePose", "Correspondences", "Video"):
        assert f". {title}</b>" in page
    assert page.count("<canvas") == 2 + 4


def test_the_moving_picture_repeats_without_end_at_the_runs_frame_rate(runs):
    with Image.open(write_demo(*runs).picture) as picture:
        assert (picture.n_frames, picture.info["loop"]) == (3, 0)
        picture.seek(1)
        picture.load()
        assert picture.info["duration"] == 100


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes(runs):
    first = write_demo(*runs)
    before = first.page.read_bytes(), first.picture.read_bytes()
    second = write_demo(*runs)
    assert (second.page.read_bytes(), second.picture.read_bytes()) == before


def test_a_run_without_a_score_leaves_out_the_change(tmp_path):
    for name in ("baseline", "latentman"):
        make_run(tmp_path / name, human_mse=None, pictures=True, num_frames=2)
    made = write_demo(tmp_path, tmp_path / "baseline", tmp_path / "latentman")
    assert made.change is None
    assert "no two frames of the clip have matched pixels" in made.page.read_text()


def test_runs_of_different_seeds_are_not_compared(tmp_path):
    make_run(tmp_path / "baseline", pictures=True, num_frames=2, seed=1)
    make_run(tmp_path / "latentman", pictures=True, num_frames=2, seed=2)
    with pytest.raises(RecordError, match="their seed differs"):
        write_demo(tmp_path, tmp_path / "baseline", tmp_path / "latentman")


def test_a_run_without_frames_is_named(tmp_path):
    make_run(tmp_path / "baseline", num_frames=2)
    make_run(tmp_path / "latentman", num_frames=2)
    with pytest.raises(RecordError, match=r"baseline has no frames"):
        write_demo(tmp_path, tmp_path / "baseline", tmp_path / "latentman")
