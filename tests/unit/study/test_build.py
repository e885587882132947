"""A study is complete and blind: nothing that is served reveals the method, and what cannot be shown is reported."""

import os
import re
import shutil

import numpy as np
import pytest

from latentman.errors import ConfigError, RecordError
from latentman.study.build import Request, build_study, summary
from latentman.study.design import read_design
from latentman.video import read_mp4, read_png_frames
from tests.factories.study import BASELINES, OURS, PROMPTS, make_sweep, make_variant


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("ours", "baselines", "message"),
    [
        ("sla=full pwg=ful", BASELINES, r"--ours .* did you mean 'sla=full pwg=full'"),
        (OURS, ["masactrl"], r"--baseline 'masactrl' is not a variant.*\n.*\n  sla=none pwg=none\n"),
        (OURS, [OURS], "named twice"),
        (OURS, [BASELINES[0], BASELINES[0]], "named twice"),
    ],
)
def test_variants_that_cannot_be_compared_are_refused(sweep, tmp_path, ours, baselines, message):
    with pytest.raises(ConfigError, match=message):
        build_study(Request(sweep, tmp_path / "out", ours, tuple(baselines)))
    assert list(tmp_path.iterdir()) == []


def test_without_any_pair_the_reasons_are_told(tmp_path):
    make_variant(tmp_path / "s", 0, "none", "none", state="interrupted")
    make_variant(tmp_path / "s", 1, "full", "full")
    with pytest.raises(RecordError, match=r"has finished runs of both.*\n.*interrupted"):
        build_study(Request(tmp_path / "s", tmp_path / "out", OURS, BASELINES[:1]))


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_a_folder_without_runs_is_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError):
        build_study(Request(tmp_path / folder, tmp_path / "out", OURS, BASELINES))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"checks": -1}, "--checks -1"),
        ({"checks": 21}, "--checks 21"),
        ({"checks": 2, "may_fail": 3}, "--may-fail 3"),
        ({"may_fail": -1}, "--may-fail -1"),
        ({"seed": -4}, "--seed -4"),
        ({"baselines": ()}, "no --baseline"),
    ],
)
def test_requests_out_of_range_are_refused(tmp_path, fields, message):
    with pytest.raises(ConfigError, match=message):
        Request(**{"sweep_dir": tmp_path, "study_dir": tmp_path / "o", "ours": "a", "baselines": ("b",), **fields})


def test_a_study_has_its_pairs_its_checks_and_its_videos(built):
    design = read_design(built)
    assert [study.baseline for study in design.studies] == list(BASELINES)
    for study in design.studies:
        assert [pair.prompt for pair in study.comparisons()] == list(PROMPTS)
        assert len(study.pairs) == 4
    videos = {path.stem for path in (built / "public" / "videos").iterdir()}
    assert videos == set(design.videos())


def test_the_videos_are_those_of_the_runs(built, sweep):
    study = read_design(built).studies[0]
    pair = study.comparisons()[0]
    for video, job in ((pair.expected, "02_sla-full_pwg-full"), (pair.other, "00_sla-none_pwg-none")):
        shown = read_mp4(built / "public" / "videos" / f"{video}.mp4")
        made = read_png_frames(sweep / job / "00-prompt" / "frames")
        assert shown.fps == 10
        assert np.abs(shown.frames.astype(int) - made).mean() < 6


def test_nothing_that_is_served_tells_the_method(built):
    for path in files(built / "public" / "videos"):
        assert re.fullmatch(r"[0-9a-f]{16}\.mp4", path.name)
        assert path.stat().st_mtime == 0
        content = path.read_bytes().lower()
        # Only words too long to come up by chance in compressed pictures.
        assert not [word for word in (b"baseline", b"knight", b"clown", b"ablation", b"prompt") if word in content]
    for path in files(built / "public"):
        if path.suffix != ".mp4":
            content = path.read_bytes().lower()
            assert not [word for word in (b"sla=", b"pwg", b"baseline", b"knight", b"clown") if word in content]
    assert b"sla=full" in (built / "design.json").read_bytes()


def test_all_videos_carry_the_same_metadata(built):
    heads = set()
    for path in files(built / "public" / "videos"):
        content = path.read_bytes()
        told = content.find(b"udta")  # where mp4 files keep titles, tools and dates
        heads.add((content[:32], content[told : told + 57] if told >= 0 else b""))
    assert len(heads) == 1


def test_the_page_asks_nothing_of_other_machines(built):
    for path in files(built / "public"):
        if path.suffix in (".html", ".css", ".js"):
            assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"(?m)^\s*//.*|; //.*", "", path.read_text()))


def test_the_design_is_readable_by_its_owner_alone(built):
    assert built.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_the_same_seed_builds_the_same_bytes_and_none_another_study(built, sweep, tmp_path):
    build_study(Request(sweep, tmp_path / "same", OURS, BASELINES, seed=5, checks=2))
    for one, two in zip(files(built), files(tmp_path / "same"), strict=True):
        assert one.relative_to(built) == two.relative_to(tmp_path / "same")
        assert one.read_bytes() == two.read_bytes()
    drawn = [build_study(Request(sweep, tmp_path / n, OURS, BASELINES[:1], checks=0)) for n in "ab"]
    assert drawn[0].seed != drawn[1].seed
    assert not set(drawn[0].videos()) & set(drawn[1].videos())


def test_a_folder_with_something_in_it_is_left_alone(sweep, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "answers.sqlite").write_text("precious")
    with pytest.raises(RecordError, match="not empty"):
        build_study(Request(sweep, tmp_path / "out", OURS, BASELINES))
    assert (tmp_path / "out" / "answers.sqlite").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_said(sweep, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(RecordError, match="choose another --out"):
        build_study(Request(sweep, tmp_path / "closed" / "out", OURS, BASELINES))


def test_a_file_in_the_way_is_said(sweep, tmp_path):
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(RecordError, match="--out"):
            build_study(Request(sweep, out, OURS, BASELINES))


def test_videos_that_are_gone_are_said_and_skipped(tmp_path):
    root = make_sweep(tmp_path / "s")
    shutil.rmtree(root / "02_sla-full_pwg-full" / "00-prompt" / "frames")
    design = build_study(Request(root, tmp_path / "out", OURS, BASELINES[:1], checks=1))
    assert [pair.prompt for pair in design.studies[0].comparisons()] == [PROMPTS[1]]
    text = summary(design, tmp_path / "out")
    assert "is missing or damaged" in text
    assert "1 pairs, 1 attention checks" in text
    shutil.rmtree(root / "02_sla-full_pwg-full" / "01-prompt" / "frames")
    with pytest.raises(RecordError, match=r"no pair of .* can be shown"):
        build_study(Request(root, tmp_path / "none", OURS, BASELINES[:1]))
    assert not (tmp_path / "none").exists()


def test_the_contact_is_shown_as_text(sweep, tmp_path):
    build_study(Request(sweep, tmp_path / "out", OURS, BASELINES[:1], checks=0, contact="<b>Ada</b> & co"))
    page = (tmp_path / "out" / "public" / "index.html").read_text()
    assert "Ask &lt;b&gt;Ada&lt;/b&gt; &amp; co." in page
    assert "{{" not in page
