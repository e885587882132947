"""Properties of every procedural motion."""

import itertools
import logging
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentman.errors import ConfigError
from latentman.motion.procedural.source import ACTIONS, ProceduralSource
from latentman.motion.skeleton import ANKLES, BONE_LENGTHS, HIPS, KNEES, PARENTS, SHOULDERS, TOES, WRISTS
from latentman.motion.vocabulary import VERBS, third_person

SOURCE = ProceduralSource()
DIRECTIONS = ("", "to the left", "to the right", "forward", "backward", "in a circle")
TEMPOS = ("", "slowly", "quickly")
LENGTHS = (15, 40, 100)
PELVIS, FEET = 0, [*ANKLES, *TOES]


def sentence(verb, direction="", tempo=""):
    first, *rest = verb.split()
    return " ".join(w for w in ["a person", third_person(first), *rest, direction, tempo] if w)


@cache
def clips(verb):
    """Every pair of a direction, a tempo and a length of a verb, each clip with its own seed."""
    grid = itertools.product(enumerate(DIRECTIONS), enumerate(TEMPOS))
    requests = [(d, t, LENGTHS[(i + j) % len(LENGTHS)]) for (i, d), (j, t) in grid]
    return [SOURCE(sentence(verb, d, t), num_frames=n, seed=k).joints for k, (d, t, n) in enumerate(requests)]


def make(text, num_frames=60, seed=0):
    return SOURCE(text, num_frames=num_frames, seed=seed).joints


def facing(joints):
    across = joints[:, HIPS[0]] - joints[:, HIPS[1]]
    ahead = np.cross(across, [0.0, 1.0, 0.0])
    return ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)


def test_every_verb_of_the_vocabulary_has_an_action():
    assert list(ACTIONS) == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_bones_keep_the_template_lengths(verb):
    for joints in clips(verb):
        lengths = np.linalg.norm(joints[:, 1:] - joints[:, PARENTS[1:]], axis=-1)
        np.testing.assert_allclose(lengths, np.broadcast_to(BONE_LENGTHS[1:], lengths.shape), atol=1e-6)


@pytest.mark.parametrize("verb", VERBS)
def test_feet_near_the_floor_do_not_slide(verb):
    for joints in clips(verb):
        feet = joints[:, FEET]
        step = np.linalg.norm(np.diff(feet[..., [0, 2]], axis=0), axis=-1)
        low = feet[..., 1] < 0.05
        # When leaving or reaching the floor, a foot also moves straight up or down.
        assert step[low[:-1] | low[1:]].max(initial=0.0) < 0.01


@pytest.mark.parametrize("verb", VERBS)
def test_knees_bend_to_the_front(verb):
    for joints in clips(verb):
        for hip, knee, ankle in zip(HIPS, KNEES, ANKLES, strict=True):
            line = joints[:, ankle] - joints[:, hip]
            front = np.cross(line, joints[:, HIPS[0]] - joints[:, HIPS[1]])
            front /= np.linalg.norm(front, axis=-1, keepdims=True)
            assert np.sum((joints[:, knee] - joints[:, hip]) * front, axis=-1).min() > 0.0


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_goes_through_the_floor_and_the_body_never_floats(verb):
    for joints in clips(verb):
        assert joints[..., 1].min() > -0.01
        assert joints[:, TOES, 1].min() < 0.05
        assert joints[..., 1].max() < 2.9


@pytest.mark.parametrize("verb", VERBS)
def test_joints_never_jump(verb):
    for joints in clips(verb):
        assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.7
        assert np.linalg.norm(np.diff(joints[:, PELVIS], axis=0), axis=-1).max() < 0.3


@pytest.mark.parametrize("verb", VERBS)
def test_a_clip_starts_at_the_origin_facing_forward(verb):
    for joints in clips(verb):
        np.testing.assert_allclose(joints[0, PELVIS, [0, 2]], 0.0, atol=1e-12)
        assert facing(joints)[0, 2] > 0.8


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_request_gives_the_same_bytes_and_another_seed_another_clip(verb):
    text = sentence(verb)
    assert make(text, 30, seed=5).tobytes() == make(text, 30, seed=5).tobytes()
    assert np.abs(make(text, 30, seed=5) - make(text, 30, seed=6)).max() > 1e-3


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"stand"}))
@pytest.mark.parametrize("num_frames", [15, 40])
def test_a_short_clip_already_shows_the_action(verb, num_frames):
    joints = make(sentence(verb), num_frames)
    local = joints - joints[:, :1]
    assert np.ptp(local, axis=0).max() > 0.2


@pytest.mark.parametrize(
    ("verb", "low", "high"), [("walk", 1.0, 1.5), ("run", 2.4, 3.3), ("sneak", 0.4, 0.9), ("move", 1.0, 1.5)]
)
def test_speed_is_human_and_follows_the_tempo(verb, low, high):
    speed = {}
    for tempo in TEMPOS:
        runs = [make(sentence(verb, tempo=tempo), 81, seed)[:, PELVIS] for seed in range(4)]
        speed[tempo] = [np.linalg.norm(path[-1] - path[0]) / 4.0 for path in runs]
    assert low < min(speed[""])
    assert max(speed[""]) < high
    assert max(speed["slowly"]) < min(speed[""])
    assert max(speed[""]) < min(speed["quickly"])


@pytest.mark.parametrize("verb", ["walk", "run", "move", "sneak", "ski"])
@pytest.mark.parametrize(
    ("direction", "axis", "sign"),
    [("to the left", 0, -1), ("to the right", 0, 1), ("forward", 2, 1), ("backward", 2, -1)],
)
def test_the_body_moves_in_the_requested_direction(verb, direction, axis, sign):
    for seed, num_frames in itertools.product(range(3), (15, 60)):
        moved = make(sentence(verb, direction), num_frames, seed)[-1, PELVIS]
        assert sign * moved[axis] > 0.25 * num_frames / 20 * (0.5 if verb == "sneak" else 1.0)
        assert abs(moved[axis]) > abs(moved[2 - axis])


def test_a_body_that_moves_to_a_side_turns_to_it():
    assert facing(make("a person walks to the right", 60))[-1, 0] > 0.9
    assert facing(make("a person walks to the left", 60))[-1, 0] < -0.9
    assert facing(make("a person walks backward", 60))[:, 2].min() > 0.9


def test_a_circle_returns_to_its_start():
    joints = make("a person walks in a circle", 140)
    assert facing(joints)[:, 2].min() < -0.9
    assert np.abs(joints[:, PELVIS]).max() < 3.0


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_turn_around_ends_facing_away(num_frames):
    for direction, tempo in itertools.product(("", "to the left", "to the right"), TEMPOS):
        assert facing(make(f"a person turns around {direction} {tempo}", num_frames))[-1, 2] < -0.95


def test_a_jump_leaves_the_floor_and_lands():
    for num_frames in LENGTHS:
        toes = make("a person jumps", num_frames)[:, TOES, 1]
        assert toes.min(axis=1).max() > 0.15
        assert toes[-1].max() < 0.05


def test_jumping_off_goes_forward_and_down_to_the_floor():
    for num_frames in LENGTHS:
        joints = make("a person jumps off", num_frames)
        assert joints[0, TOES, 1].min() > 0.25
        assert joints[-1, TOES, 1].max() < 0.05
        assert joints[-1, PELVIS, 2] > 0.5


def test_a_run_has_a_phase_of_flight_and_a_walk_has_none():
    lowest_run = make("a person runs", 100)[:, TOES, 1].min(axis=1)
    lowest_walk = make("a person walks", 100)[:, TOES, 1].min(axis=1)
    assert 0.05 < (lowest_run > 0.05).mean() < 0.6
    assert lowest_walk.max() < 0.03


@pytest.mark.parametrize(("text", "raised"), [("a person waves", 1), ("a person waves his left hand", 0)])
def test_a_waving_hand_is_above_its_shoulder_and_the_other_is_not(text, raised):
    joints = make(text, 30)[10:]
    over = joints[:, WRISTS, 1] - joints[:, SHOULDERS, 1]
    assert over[:, raised].min() > 0.05
    assert over[:, 1 - raised].max() < 0.0
    assert np.ptp(joints[:, WRISTS[raised], 0]) > 0.15


@pytest.mark.parametrize("text", ["a person walks and waves", "a person waves while running"])
def test_a_hand_can_wave_during_locomotion(text):
    joints = make(text, 40)
    assert (joints[10:, WRISTS[1], 1] - joints[10:, SHOULDERS[1], 1]).min() > 0.05
    assert joints[-1, PELVIS, 2] > 1.5


def test_a_kick_lifts_a_foot_to_the_hip_in_front():
    joints = make("a person kicks", 25)
    highest = joints[:, TOES[1], 1].argmax()
    assert joints[highest, TOES[1], 1] > 0.8
    assert joints[highest, TOES[1], 2] - joints[highest, PELVIS, 2] > 0.5
    assert joints[:, TOES[0], 1].max() < 0.05


def test_punches_reach_forward_with_either_hand():
    joints = make("a person punches", 40)
    ahead = joints[:, WRISTS, 2] - joints[:, SHOULDERS, 2]
    assert ahead.max(axis=0).min() > 0.4


def test_a_bow_lowers_the_head_and_a_squat_lowers_the_hips():
    bow, squat = make("a person bows", 40), make("a person squats", 40)
    assert np.ptp(bow[:, 15, 1]) > 0.35
    assert np.ptp(bow[:, PELVIS, 1]) < 0.15
    assert squat[:, PELVIS, 1].min() < 0.65
    assert bow[-1, 15, 1] > 1.4
    assert squat[-1, PELVIS, 1] > 0.85


def test_warming_up_raises_the_hands_over_the_head_and_spreads_the_feet():
    joints = make("a person warms up", 40)
    assert (joints[:, WRISTS, 1] - joints[:, [15], 1]).min(axis=1).max() > 0.1
    assert np.ptp(joints[:, TOES[0], 0] - joints[:, TOES[1], 0]) > 0.3


def test_a_waltz_turns_with_the_arms_held_around_a_partner():
    joints = make("a person waltzes", 80)
    turned = np.unwrap(np.arctan2(facing(joints)[:, 0], facing(joints)[:, 2]))
    assert abs(turned[-1] - turned[0]) > 1.5
    assert (joints[:, WRISTS, 1] > joints[:, [PELVIS], 1] + 0.15).all()


def test_dances_differ_by_style():
    styles = [make(text, 40) for text in ("a person dances", "a person doing a jumpy dance", "a person shimmy dances")]
    for one, other in itertools.combinations(styles, 2):
        assert np.abs(one - other).max() > 0.3


def test_an_unknown_verb_stands_and_looks_around_with_one_warning_that_lists_the_verbs(caplog):
    with caplog.at_level(logging.WARNING, logger="latentman.motion"):
        joints = make("a person juggles", 60)
    assert len(caplog.records) == 1
    assert all(verb in caplog.text for verb in VERBS)
    assert "juggles" in caplog.text
    assert np.ptp(joints[:, TOES], axis=0).max() < 1e-9
    assert np.ptp(joints[:, 15, 0] - joints[:, 12, 0]) > 0.05


def test_a_known_verb_gives_no_warning(caplog):
    with caplog.at_level(logging.WARNING, logger="latentman.motion"):
        make("a person walks slowly", 20)
    assert not caplog.records


def test_zero_frames_are_refused():
    with pytest.raises(ConfigError, match=r"num_frames"):
        SOURCE("a person walks", num_frames=0, seed=0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(VERBS)),
    st.sampled_from(DIRECTIONS),
    st.sampled_from(TEMPOS),
    st.integers(1, 160),
    st.integers(0, 2**32 - 1),
)
def test_any_length_and_seed_gives_a_finite_standing_person(verb, direction, tempo, num_frames, seed):
    joints = make(sentence(verb, direction, tempo), num_frames, seed)
    assert joints.shape == (num_frames, 22, 3)
    assert np.isfinite(joints).all()
    assert joints[:, 15, 1].min() > joints[:, TOES, 1].max(axis=1).min()
