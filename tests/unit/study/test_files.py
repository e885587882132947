"""Only what the design names is served, and only while it is a plain file."""

import os
import threading

import pytest

from latentman.errors import RecordError
from latentman.study.design import read_design
from latentman.study.files import is_plain, open_plain, public_files

needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")


def test_pages_and_videos_are_served_and_nothing_else(study):
    (study / "public" / "notes.txt").write_text("ours is on the left")
    files = public_files(study, read_design(study))
    assert set(files) == {"/", "/index.html", "/study.css", "/study.js", "/icon.svg"} | {
        f"/videos/{video}.mp4" for video in read_design(study).videos()
    }
    assert files["/"].content_type == "text/html; charset=utf-8"
    assert files[f"/videos/{read_design(study).videos()[0]}.mp4"].content_type == "video/mp4"


@pytest.mark.parametrize("name", ["index.html", "video"])
@pytest.mark.parametrize("stand_in", ["nothing", "link", "folder", pytest.param("fifo", marks=needs_fifo)])
def test_a_file_that_is_missing_or_not_plain_is_refused_at_the_start(study, tmp_path, name, stand_in):
    design = read_design(study)
    path = study / "public" / (name if name != "video" else f"videos/{design.videos()[0]}.mp4")
    path.rename(tmp_path / "moved")
    make = {
        "nothing": lambda: None,
        "link": lambda: path.symlink_to(tmp_path / "moved"),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
    }
    make[stand_in]()
    with pytest.raises(RecordError, match=f"{path.name} of the study is missing or is not a plain file"):
        public_files(study, design)


def test_a_plain_file_is_opened_and_a_link_is_not(tmp_path):
    (tmp_path / "plain").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    with open_plain(tmp_path / "plain") as opened:
        assert opened.read() == b"content"
    for name in ("link", "missing", "."):
        assert not is_plain(tmp_path / name)
        with pytest.raises(OSError, match="is not a plain file"):
            open_plain(tmp_path / name)


@needs_fifo
def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    # Even if it takes the place of a plain file between the check and the opening.
    monkeypatch.setattr("latentman.study.files.is_plain", lambda path: True)
    refused = []

    def open_it():
        with pytest.raises(OSError, match="not a plain file"):
            open_plain(tmp_path / "fifo")
        refused.append(True)

    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(10)
    assert refused == [True]


def test_a_study_of_the_first_version_is_served_from_its_folder_of_clips(old_study):
    design = read_design(old_study)
    files = public_files(old_study, design)
    assert {f"/clips/{video}.mp4" for video in design.videos()} < set(files)
