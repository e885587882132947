"""Only what the design names is served, and ranges mean what RFC 9110 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentman.errors import RecordError
from latentman.study.design import read_design
from latentman.study.files import byte_range, public_files


def test_pages_and_clips_are_served_and_nothing_else(study):
    (study / "public" / "notes.txt").write_text("ours is on the left")
    files = public_files(study, read_design(study))
    assert set(files) == {"/", "/index.html", "/study.css", "/study.js", "/icon.svg"} | {
        f"/clips/{clip}.mp4" for clip in read_design(study).clips()
    }
    assert files["/"].content_type == "text/html; charset=utf-8"
    assert files[f"/clips/{read_design(study).clips()[0]}.mp4"].content_type == "video/mp4"


@pytest.mark.parametrize("name", ["index.html", "clip"])
def test_a_missing_or_linked_file_is_said_at_the_start(study, tmp_path, name):
    design = read_design(study)
    path = study / "public" / (name if name != "clip" else f"clips/{design.clips()[0]}.mp4")
    path.rename(tmp_path / "moved")
    with pytest.raises(RecordError, match=f"{path.name} of the study is gone"):
        public_files(study, design)
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(RecordError, match=f"{path.name} of the study is gone"):
        public_files(study, design)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None), ("", None), ("bytes=0-9", (0, 9)), ("bytes=5-", (5, 99)), ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)), ("bytes=90-500", (90, 99)), ("bytes=99-99", (99, 99)), (" bytes=0-0 ", (0, 0)),
        ("bytes=-", None), ("bytes=9-5", None), ("bytes=0-1,5-6", None), ("items=0-1", None), ("bytes=a-b", None),
        ("bytes=0x0-9", None), ("bytes=" + "9" * 40 + "-", None),
    ],
)  # fmt: skip
def test_ranges(header, expected):
    assert byte_range(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=100-120", 100), ("bytes=-0", 100), ("bytes=0-", 0)]
)
def test_ranges_behind_the_end_are_refused(header, size):
    with pytest.raises(ValueError, match=r"byte \d+ of|an empty range"):
        byte_range(header, size)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_a_range_is_the_slice_that_it_names(first, last, size):
    content = list(range(size))
    if first >= size and last >= first:
        with pytest.raises(ValueError, match="byte"):
            byte_range(f"bytes={first}-{last}", size)
    elif last >= first:
        start, end = byte_range(f"bytes={first}-{last}", size)
        assert content[start : end + 1] == content[first : last + 1]
