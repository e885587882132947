"""The BVH parser and its forward kinematics, on files written from the procedural source."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.errors import DataError
from latentman.motion.recorded.bvh import joint_positions, read_bvh
from latentman.motion.recorded.rigs import JOINT_NAMES
from tests.unit.motion.bvh_files import walk, write_bvh

SMALL = """HIERARCHY
ROOT Hips
{
  OFFSET 0 1 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0 2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 3 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 90 0
"""


def small(tmp_path, text=SMALL):
    path = tmp_path / "small.bvh"
    path.write_text(text)
    return path


def slow_positions(bvh):
    """One joint, one frame, one channel at a time."""

    def turn(axis, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.array(
            {
                "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
                "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
                "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
            }[axis]
        )

    result = np.zeros((len(bvh.values), len(bvh.names), 3))
    for frame, row in enumerate(bvh.values):
        values, frames = iter(row), []
        for joint, parent in enumerate(bvh.parents):
            offset, rotation = bvh.offsets[joint].copy(), np.eye(3)
            for channel in bvh.channels[joint]:
                if channel.endswith("POSITION"):
                    offset["XYZ".index(channel[0])] = next(values)
                else:
                    rotation = rotation @ turn(channel[0], next(values))
            above, origin = frames[parent] if parent >= 0 else (np.eye(3), np.zeros(3))
            result[frame, joint] = origin + above @ offset
            frames.append((above @ rotation, result[frame, joint]))
    return result


def test_positions_of_a_file_worked_out_by_hand(tmp_path):
    bvh = read_bvh(small(tmp_path))
    assert bvh.names == ("Hips", "Chest", "Chest_end")
    assert bvh.parents == (-1, 0, 1)
    assert bvh.fps == 20
    # Frame 1: the spine turned to -X by Z, then the chest's end turned by X about what is now +Z of the world.
    expected = [[[0, 0, 0], [0, 2, 0], [0, 5, 0]], [[1, 2, 3], [-1, 2, 3], [-1, 2, 6]]]
    np.testing.assert_allclose(joint_positions(bvh), expected, atol=1e-12)


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "XYZ", "YXZ", "XZY", "YZX"])
def test_positions_are_those_that_were_written_in_any_rotation_order(tmp_path, order):
    joints = walk("a person kicks")
    bvh = read_bvh(write_bvh(tmp_path / "kick.bvh", joints, order=order))
    index = [bvh.names.index(name) for name in JOINT_NAMES]
    np.testing.assert_allclose(joint_positions(bvh)[:, index], joints, atol=1e-6)


@settings(max_examples=20)
@given(
    order=st.permutations("XYZ"),
    everywhere=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    indent=st.sampled_from(["\t", "  ", ""]),
    start=st.integers(0, 30),
)
def test_whatever_the_layout_the_same_joints_come_back(tmp_path_factory, order, everywhere, end, indent, start):
    joints = walk("a person dances", 40)[start : start + 4]
    path = tmp_path_factory.mktemp("bvh") / "dance.bvh"
    bvh = read_bvh(write_bvh(path, joints, order="".join(order), everywhere=everywhere, end=end, indent=indent))
    positions = joint_positions(bvh)
    np.testing.assert_allclose(positions, slow_positions(bvh), atol=1e-9)
    np.testing.assert_allclose(positions[:, [bvh.names.index(name) for name in JOINT_NAMES]], joints, atol=1e-6)


def test_a_choice_of_frames_gives_those_frames(tmp_path):
    bvh = read_bvh(write_bvh(tmp_path / "walk.bvh", walk()))
    np.testing.assert_array_equal(joint_positions(bvh, slice(3, 20, 4)), joint_positions(bvh)[3:20:4])


def test_channels_may_stand_in_any_order_and_case(tmp_path):
    text = SMALL.replace(
        "Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        "zrotation XPOSITION Xrotation Yposition yrotation Zposition",
    ).replace("1 2 3 90 0 0 0 90 0", "90 1 0 2 0 3 0 90 0")
    plain, other = read_bvh(small(tmp_path)), read_bvh(small(tmp_path, text))
    np.testing.assert_allclose(joint_positions(other), joint_positions(plain), atol=1e-12)


@pytest.mark.parametrize(
    ("written", "fps"), [("0.0083333", 120), ("0.0333", 30), ("0.0166667", 60), ("0.04", 25), ("0.3", 1 / 0.3)]
)
def test_a_rate_written_with_few_digits_is_the_rate_that_was_meant(tmp_path, written, fps):
    assert read_bvh(small(tmp_path, SMALL.replace("0.05", written))).fps == pytest.approx(fps)


@pytest.mark.parametrize("written", ["0", "-1", "fast", "nan", "inf", "1e-320", ""])
def test_a_frame_time_that_is_not_one_is_left_to_the_door(tmp_path, written):
    bvh = read_bvh(small(tmp_path, SMALL.replace("Time: 0.05", f"Time: {written}")))
    assert np.isnan(bvh.fps)
    assert (bvh.frame_time, bvh.frame_time_line) == (written, 18)


@pytest.mark.parametrize("line", ["MOTION", "Frames: 2", "Frame Time: 0.05", "0 0 0 0 0 0 0 0 0"])
def test_blank_lines_below_motion_are_as_if_they_were_not_there(tmp_path, line):
    bvh = read_bvh(small(tmp_path, SMALL.replace(line, f"{line}\n\n  \n")))
    np.testing.assert_array_equal(bvh.values, read_bvh(small(tmp_path)).values)
    assert bvh.fps == 20


def test_two_end_sites_of_one_joint_get_two_names(tmp_path):
    end = "    End Site\n    {\n      OFFSET 0 3 0\n    }\n"
    assert read_bvh(small(tmp_path, SMALL.replace(end, end + end))).names[2:] == ("Chest_end", "Chest_end2")


def test_one_frame_more_than_announced_is_taken_with_a_warning(tmp_path, caplog):
    bvh = read_bvh(small(tmp_path, SMALL + "1 2 3 90 0 0 0 90 0\n"))
    assert len(bvh.values) == 3
    assert "announces 2 frames and holds 3" in caplog.text


NESTED = "\n".join(["HIERARCHY", "ROOT r {", *(f"OFFSET 0 0 0 JOINT j{i} {{" for i in range(200)), "MOTION"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "", "line 1: this is not a BVH file, it is empty or not text instead of HIERARCHY"),
        (lambda t: "PK\x03\x04\x00\x00", "line 1: this is not a BVH file"),
        (lambda t: t.replace("HIERARCHY", "Solid"), "line 1: this is not a BVH file, it begins with 'Solid'"),
        (lambda t: t[: t.index("MOTION")], "line 15: the file ends without a MOTION section.*truncated"),
        (lambda t: "HIERARCHY\nMOTION\n", "there is no joint"),
        (lambda t: t.replace("    }\n  }\n}\nMOTION", "    }\nMOTION"), "2 joints are not closed.*truncated"),
        (lambda t: t.replace("MOTION", "}\nMOTION"), "line 16: '}' does not belong here"),
        (lambda t: t.replace("JOINT Chest", "JOINT Hips"), "line 6: a second joint is named 'Hips'"),
        (lambda t: t.replace("JOINT Chest", "JOINT"), "line 6: a JOINT has no name"),
        (lambda t: t.replace("JOINT Chest", "ROOT Chest"), "line 6: a second ROOT"),
        (lambda t: t.replace("ROOT Hips", "JOINT Hips"), "line 2: JOINT in the place of ROOT"),
        (lambda t: t.replace("JOINT Chest\n  {", "JOINT Chest"), "line 6: no '{' follows JOINT Chest"),
        (lambda t: t.replace("    OFFSET 0 2 0\n", ""), "joint Chest has no OFFSET"),
        (lambda t: t.replace("OFFSET 0 2 0", "OFFSET 0 2,5 0"), "line 8: '2,5' is not a finite number"),
        (lambda t: t.replace("OFFSET 0 2 0", "OFFSET 0 inf 0"), "line 8: 'inf' is not a finite number"),
        (lambda t: t.replace("CHANNELS 3", "CHANNELS 7"), "line 9: CHANNELS 7; a joint has 0 to 6"),
        (lambda t: t.replace("CHANNELS 3", "CHANNELS 2"), "line 9: 'Yrotation' does not belong here"),
        (lambda t: t.replace("CHANNELS 3 Z", "CHANNELS 3 W"), "line 9: 'WROTATION' is not a channel"),
        (lambda t: t.replace("3 Zrotation X", "3 Yrotation X"), "line 9: a channel is there twice"),
        (lambda t: NESTED, "nested more than 128 deep"),
        (lambda t: t.replace("Frames: 2", "Frames: 0"), "line 17: 0 frames are not a motion"),
        (lambda t: t.replace("Frames: 2", "Frames: 1"), "line 17: 1 frames are not a motion"),
        (lambda t: t.replace("Frames: 2", "Frames:"), "line 17: 'Frames:' in the place of 'Frames: N'"),
        (lambda t: t.replace("Frame Time", "Time"), "line 18: 'Time: 0.05' in the place of 'Frame Time"),
        (lambda t: t.replace("1 2 3 90", "1 2 90"), "line 20: 8 numbers in a frame, but the joints have 9 channels"),
        (lambda t: t.replace("1 2 3 90", "1 2 nan 90"), "line 20: 'nan' is not a finite number"),
        (lambda t: t.replace("1 2 3 90", "1 2 x 90"), "line 20: 'x' is not a finite number"),
        (lambda t: t.replace("Frames: 2", "Frames: 9"), "2 frames follow, but 'Frames: 9' announces 9.*truncated"),
    ],
)  # fmt: skip
def test_a_bad_file_says_where_and_what(tmp_path, change, message):
    with pytest.raises(DataError, match=rf"small\.bvh.*{message}"):
        read_bvh(small(tmp_path, change(SMALL)))


@settings(max_examples=300)
@given(
    at=st.integers(0, len(SMALL)),
    cut=st.integers(0, 40),
    put=st.sampled_from(
        ["", "{", "}", "\n", " ", "-", "e9", "nan", "1e999", "MOTION\n", "CHANNELS 3", "End Site {", "ROOT"]
    ),
)
def test_a_damaged_file_is_read_or_refused_but_never_a_defect(tmp_path_factory, at, cut, put):
    path = small(tmp_path_factory.mktemp("bvh"), SMALL[:at] + put + SMALL[at + cut :])
    said = "small.bvh"
    try:
        assert np.isfinite(joint_positions(read_bvh(path))).all()
    except DataError as error:
        said = str(error)
    assert "small.bvh" in said


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*nothing\.bvh: there is no such file"):
        read_bvh(tmp_path / "nothing.bvh")
