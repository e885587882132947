"""``latentman train prepare-bvh``: from a folder of BVH files to a training folder, with a report of skipped items."""

import json
import subprocess
import sys

import numpy as np
import pytest

from latentman.errors import ConfigError, DataError
from latentman.motion.humanml3d import features, mirror, recover
from latentman.motion.recorded.settle import settle
from latentman.train.motion.bvh_captions import read_captions
from latentman.train.motion.data import read_folder
from latentman.train.motion.prepare_bvh import main
from tests.unit.motion.bvh_files import CMU, MIXAMO, walk, write_bvh


def jsonl(path, **captions):
    lines = [
        {"name": name, **({"captions": said} if isinstance(said, list) else said)} for name, said in captions.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def folder(tmp_path):
    """A walk, a kick with another rig in centimetres at 120 frames per second, and a long dance in a subfolder."""
    bvh = tmp_path / "bvh"
    (bvh / "more").mkdir(parents=True)
    write_bvh(bvh / "walk.bvh", walk(num_frames=61), names=CMU)
    kick = walk("a person kicks with the left leg", num_frames=361, fps=120.0)
    write_bvh(bvh / "kick.BVH", kick, names=MIXAMO, fps=120.0, to_file=lambda p: 100 * p)
    write_bvh(bvh / "more" / "dance.bvh", walk("a person dances", num_frames=401))
    return bvh


def prepare(folder, out, captions, *more):
    assert main([str(folder), str(out), "--captions", str(captions), *map(str, more)]) == 0
    index = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
    report = json.loads((out / "report.json").read_text())
    with np.load(out / "motions.npz", allow_pickle=False) as data:
        return index, report, dict(data)


CAPTIONS = {
    "walk": ["a person walks", "someone strolls"],
    "kick": {"captions": ["a person kicks with the left leg"], "category": "kick"},
    "more/dance": {"caption": "a person dances"},
}


def test_a_folder_becomes_a_training_folder(tmp_path, folder, capsys):
    index, report, data = prepare(folder, tmp_path / "set", jsonl(tmp_path / "captions.jsonl", **CAPTIONS))
    assert [(e["name"], e["length"]) for e in index] == [
        ("kick", 60),
        ("more/dance", 133),
        ("more/dance", 134),
        ("more/dance", 133),
        ("walk", 60),
    ]
    assert [e["offset"] for e in index] == [0, 60, 193, 327, 460]
    assert [e["category"] for e in index] == ["kick", *["a person dances"] * 3, "a person walks"]
    assert index[4]["captions"] == ["a person walks", "someone strolls"]
    assert data["features"].shape == (520, 263)
    assert data["features"].dtype == np.float32
    assert data["mean"].shape == data["std"].shape == (263,)
    assert (data["std"] > 0).all()
    assert report == {"files": 3, "clips": 5, "minutes": pytest.approx(520 / 1200), "skipped": {}, "dropped": []}
    assert "5 clips, 0.4 minutes, from 3 files" in capsys.readouterr().out
    clips = read_folder(tmp_path / "set")
    assert [len(clip.features) for clip in clips] == [60, 133, 134, 133, 60]


def test_features_match_the_written_motion(tmp_path, folder):
    _, _, data = prepare(folder, tmp_path / "set", jsonl(tmp_path / "captions.jsonl", **CAPTIONS))
    kick = settle(walk("a person kicks with the left leg", num_frames=361, fps=120.0)[::6])
    np.testing.assert_allclose(data["features"][:60], features(kick), atol=1e-4)


def test_pieces_of_a_long_file_are_consecutive(tmp_path, folder):
    index, _, data = prepare(folder, tmp_path / "set", jsonl(tmp_path / "captions.jsonl", **CAPTIONS))
    assert [e["first_frame"] for e in index if e["file"] == "more/dance.bvh"] == [0, 133, 267]
    heights = np.concatenate([data["features"][e["offset"] :][: e["length"], 3] for e in index if "dance" in e["name"]])
    whole = settle(walk("a person dances", num_frames=401))[:400, 0, 1]
    np.testing.assert_allclose(heights, whole, atol=1e-5)


def test_mirrored_copies_exchange_left_and_right_in_motion_and_captions(tmp_path, folder):
    captions = jsonl(tmp_path / "captions.jsonl", **CAPTIONS)
    index, _, data = prepare(folder, tmp_path / "set", captions, "--mirror")
    assert [e["name"] for e in index[:4]] == ["kick", "Mkick", "more/dance", "more/Mdance"]
    assert index[1]["captions"] == ["a person kicks with the right leg"]
    assert index[1]["mirrored"]
    plain, other = (recover(data["features"][e["offset"] :][: e["length"]]) for e in index[:2])
    np.testing.assert_allclose(other, mirror(plain), atol=1e-4)


def test_skipped_items_are_reported_with_their_reasons(tmp_path, folder, capsys):
    (folder / "broken.bvh").write_text("HIERARCHY\nROOT x\n")
    write_bvh(folder / "short.bvh", walk(num_frames=20))
    write_bvh(folder / "unsaid.bvh", walk())
    said = {name: ["a person moves"] for name in ("broken", "short", "nobody")}
    index, report, _ = prepare(folder, tmp_path / "set", jsonl(tmp_path / "captions.jsonl", **CAPTIONS, **said))
    why = {(d["file"], d["what"]): d["why"] for d in report["dropped"]}
    assert "ends without a MOTION section" in why["broken.bvh", "the file"]
    assert why["short.bvh", "the file"] == "19 frames at 20 per second, 40 are needed"
    assert why["unsaid.bvh", "the file"] == "it has no caption"
    assert why["nobody", "the captions"] == "there is no such file"
    assert {e["name"] for e in index} == {"kick", "more/dance", "walk"}
    assert "left out: unsaid.bvh: the file: it has no caption" in capsys.readouterr().out


def test_files_are_cut_where_the_tracking_jumps(tmp_path, folder):
    jumping = walk(num_frames=100)
    jumping[50:] += [2.0, 0, 0]
    write_bvh(folder / "jumping.bvh", jumping)
    captions = jsonl(tmp_path / "captions.jsonl", jumping=["a person walks"])
    index, report, _ = prepare(folder, tmp_path / "set", captions)
    assert [(e["first_frame"], e["length"]) for e in index] == [(0, 48), (51, 48)]
    why = next(d for d in report["dropped"] if d["file"] == "jumping.bvh")
    assert why["what"] == "2 of 100 frames"
    assert "faster than 13 m/s" in why["why"]


def test_an_initial_rest_pose_or_the_given_frames_are_skipped(tmp_path, folder):
    joints = walk(num_frames=60)
    elsewhere = joints[:1] + np.array([3.0, 0.0, 0.0])
    write_bvh(folder / "posed.bvh", np.concatenate([elsewhere, joints]))
    captions = jsonl(tmp_path / "captions.jsonl", posed=["a person walks"])
    found, report, _ = prepare(folder, tmp_path / "auto", captions)
    told = prepare(folder, tmp_path / "told", captions, "--skip-frames", 11)[0]
    assert report["skipped"] == {"posed.bvh": 1}
    assert ([e["length"] for e in found], [e["length"] for e in told]) == ([59], [49])


def test_a_given_frame_time_has_priority(tmp_path, folder):
    captions = jsonl(tmp_path / "captions.jsonl", walk=["a person walks"])
    index, _, _ = prepare(folder, tmp_path / "set", captions, "--frame-time", 0.1)
    assert [e["length"] for e in index] == [120]


def test_two_files_with_the_same_name_need_their_folders(tmp_path, folder):
    write_bvh(folder / "more" / "walk.bvh", walk(num_frames=60))
    captions = jsonl(tmp_path / "captions.jsonl", walk=["a person walks"], **{"more/walk": ["a person strolls"]})
    index, _, _ = prepare(folder, tmp_path / "set", captions)
    assert {e["name"]: e["captions"] for e in index} == {"walk": ["a person walks"], "more/walk": ["a person strolls"]}
    only = jsonl(tmp_path / "only.jsonl", **{"walk": ["a person walks"]})
    _, report, _ = prepare(folder, tmp_path / "set2", only)
    assert any(d["file"] == "more/walk.bvh" and "2 files have this name" in d["why"] for d in report["dropped"])


def test_captions_are_read_from_a_table_as_from_json_lines(tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text('name,caption,category\nwalk.bvh,"a person walks, slowly",walk\nwalk,someone strolls,\n')
    read = read_captions(table)
    assert list(read) == ["walk"]
    assert read["walk"].captions == ["a person walks, slowly", "someone strolls"]
    assert read["walk"].category == "walk"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.txt", "", r"c\.txt: give a JSON lines file \(\.jsonl\) or a table \(\.csv\)"),
        ("c.jsonl", "", r"c\.jsonl is empty"),
        ("c.jsonl", '{"name": ', r"c\.jsonl, line 1: this is not JSON"),
        ("c.jsonl", '\n["walk"]', r"c\.jsonl, line 2: expected an object with name and captions"),
        ("c.jsonl", '{"captions": ["a"]}', r"c\.jsonl, line 1: the name is missing"),
        ("c.jsonl", '{"name": "walk"}', r"c\.jsonl, line 1: walk needs captions"),
        ("c.jsonl", '{"name": "walk", "captions": [" "]}', r"c\.jsonl, line 1: walk needs captions"),
        ("c.csv", "file,text\nwalk,hello\n", r"c\.csv, line 1: the columns name and caption are needed"),
        ("c.csv", "name,caption\nwalk,\n", r"c\.csv, line 2: walk needs captions"),
    ],
)  # fmt: skip
def test_bad_captions_are_reported_with_line_and_reason(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_captions(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: DIR, OUT, --captions"),
        (["bvh", "out", "--captions", "c.jsonl", "--colour", "red"], "unrecognized arguments: --colour red"),
        (["bvh", "out", "--captions", "c.jsonl", "--skip-frames", "some"], "some must be auto or a number of frames"),
        (["bvh", "out", "--captions", "c.jsonl", "--frame-time", "0"], "--frame-time 0.0 must be seconds per frame"),
        (["bvh", "out", "--captions", "c.jsonl", "--max-frames", "50"], "at least twice the shortest"),
    ],
)  # fmt: skip
def test_bad_arguments_are_plain_errors(arguments, message):
    with pytest.raises(ConfigError, match=message):
        main(arguments)


def test_a_folder_without_files_or_with_a_set_is_refused(tmp_path, folder):
    captions = jsonl(tmp_path / "captions.jsonl", **CAPTIONS)
    with pytest.raises(DataError, match=r"there are no \.bvh files below .*empty"):
        main([str(tmp_path / "empty"), str(tmp_path / "set"), "--captions", str(captions)])
    prepare(folder, tmp_path / "set", captions)
    with pytest.raises(ConfigError, match="set already holds a training set"):
        main([str(folder), str(tmp_path / "set"), "--captions", str(captions)])


def test_having_no_clips_is_an_error_with_the_reasons(tmp_path, folder):
    captions = jsonl(tmp_path / "captions.jsonl", swim=["a person swims"])
    with pytest.raises(DataError, match=r"no clip remains from the 3 files[\s\S]*walk\.bvh: it has no caption"):
        main([str(folder), str(tmp_path / "set"), "--captions", str(captions)])
    assert not (tmp_path / "set").exists()


def test_an_unknown_rig_stops_immediately(tmp_path, folder):
    captions = jsonl(tmp_path / "captions.jsonl", **CAPTIONS)
    with pytest.raises(ConfigError, match=r"'cmuu' is unknown.*did you mean 'cmu'"):
        main([str(folder), str(tmp_path / "set"), "--captions", str(captions), "--rig", "cmuu"])


def test_help_imports_nothing_heavy(command_environment):
    probe = (
        "import sys; from latentman.train.motion.prepare_bvh import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = {'numpy', 'scipy', 'torch', 'yaml'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy or status else 0)"
    )
    result = subprocess.run([sys.executable, "-c", probe], env=command_environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "prepare-bvh" in result.stdout
