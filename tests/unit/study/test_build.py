"""A study is whole and blind: nothing that is served tells the method, and what cannot be shown is said."""

import os
import re
import shutil

import numpy as np
import pytest

from latentman.errors import ConfigError, DataError, RecordError
from latentman.study.build import Request, build_study, summary
from latentman.study.design import read_design
from latentman.study.pairing import RunPair, pair_runs
from latentman.study.videos import damage, load_pair
from latentman.video import read_mp4, read_png_frames, write_mp4
from tests.factories.report import draw, make_run
from tests.factories.study import BASELINES, OURS, PROMPTS, make_sweep, make_variant


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_runs_are_paired_by_prompt_and_seed(tmp_path):
    make_variant(tmp_path / "s", 0, "none", "none", seeds=(0, 1))
    make_variant(tmp_path / "s", 1, "full", "full", seeds=(1, 2))
    (pairing,) = pair_runs(tmp_path / "s", "sla=full pwg=full", ["sla=none pwg=none"])
    assert [(pair.prompt, pair.seed) for pair in pairing.pairs] == [(prompt, 1) for prompt in PROMPTS]
    for pair in pairing.pairs:
        assert "00_sla-none" in str(pair.baseline)
        assert "01_sla-full" in str(pair.ours)
    assert sorted(pairing.skipped) == sorted(
        f"'{prompt}', seed {seed}: no finished run of {variant}"
        for prompt in PROMPTS
        for seed, variant in ((0, "sla=full pwg=full"), (2, "sla=none pwg=none"))
    )


def test_unfinished_and_second_runs_are_said_and_left_out(tmp_path):
    root = make_sweep(tmp_path / "s")
    error = {"class": "WeightsError", "message": "no weights"}
    settings = {
        "sla": "full",
        "pwg": "full",
        "swept": {"sla": "full", "pwg": "full"},
        "name": "ablation",
        "num_frames": 3,
    }
    make_run(root / "03_failed", state="failed", error=error, **settings)
    make_run(root / "04_running", state="running", **settings)
    make_run(root / "05_again", prompt=PROMPTS[0], **settings)
    (pairing,) = pair_runs(root, OURS, BASELINES[:1])
    assert len(pairing.pairs) == 2
    assert "03_failed: failed: WeightsError: no weights" in pairing.skipped
    assert "04_running: running" in pairing.skipped
    assert any(line.startswith("05_again: sla=full pwg=full has a run of this prompt") for line in pairing.skipped)


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


def test_where_one_side_lost_its_frames_both_are_read_from_their_videos(tmp_path):
    for name, noise in (("a", 0), ("b", 40)):
        make_run(tmp_path / name)
        write_mp4(tmp_path / name / "video.mp4", draw(3, 64, noise)["video"], 10, crf=17)
    make_run(tmp_path / "c", pictures=True, num_frames=3)
    videos = load_pair(RunPair("p", 0, tmp_path / "a", tmp_path / "b"))
    assert videos.ours.shape == videos.baseline.shape == (3, 64, 64, 3)
    with pytest.raises(DataError, match=r"3 frames of 64x64 at 10 a second and 3 frames of 96x96"):
        load_pair(RunPair("p", 0, tmp_path / "a", tmp_path / "c"))


def test_damage_is_plain_in_every_frame_and_changes_no_brightness():
    frames = draw(4, 64, 4)["video"]
    damaged = damage(frames, "7")
    assert np.array_equal(damaged, damage(frames, "7"))
    assert not np.array_equal(damaged, damage(frames, "8"))
    for whole, broken in zip(frames, damaged, strict=True):
        assert (whole != broken).any(-1).mean() > 0.3
        assert np.array_equal(np.sort(whole.reshape(-1, 3), 0), np.sort(broken.reshape(-1, 3), 0))
    moves = [(whole != broken).any(-1) for whole, broken in zip(frames, damaged, strict=True)]
    assert (moves[0] != moves[1]).mean() > 0.1


def test_damage_works_on_pictures_of_any_size():
    frames = np.random.default_rng(0).integers(0, 255, (1, 37, 51, 3), np.uint8)
    assert damage(frames, "1").shape == frames.shape


def test_the_contact_is_shown_as_text(sweep, tmp_path):
    build_study(Request(sweep, tmp_path / "out", OURS, BASELINES[:1], checks=0, contact="<b>Ada</b> & co"))
    page = (tmp_path / "out" / "public" / "index.html").read_text()
    assert "Ask &lt;b&gt;Ada&lt;/b&gt; &amp; co." in page
    assert "{{" not in page
