import numpy as np
import pytest

from latentman.body.anny import read_body
from latentman.body.build import build
from latentman.config import BodyConfig
from latentman.errors import ConfigError, WeightsError
from latentman.system.paths import asset


@pytest.fixture
def arrays():
    with np.load(asset("bodies", "anny_male.npz")) as data:
        return {name: data[name] for name in data.files}


def saved(tmp_path, arrays):
    path = tmp_path / "body.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(("shape", "height"), [("neutral", 1.83), ("male", 1.86), ("female", 1.77)])
def test_bodies_have_the_height_stated_in_their_model_card(shape, height):
    body = build(BodyConfig("anny", shape))
    assert np.ptp(body.vertices[:, 1]) == pytest.approx(height, abs=0.01)


def test_an_unknown_body_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match=r"body='any' is unknown: choose one of anny.*did you mean 'anny'"):
        build(BodyConfig("any"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nobody\.npz"):
        read_body(tmp_path / "nobody.npz")


def test_a_truncated_file_is_named(tmp_path, arrays):
    path = saved(tmp_path, arrays)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match=r"cannot read .*body\.npz"):
        read_body(path)


def test_a_file_with_flipped_bytes_is_refused(tmp_path):
    content = bytearray(asset("bodies", "anny_male.npz").read_bytes())
    content[5000:5200] = bytes(200)
    path = tmp_path / "body.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"body\.npz"):
        read_body(path)


def test_another_kind_of_file_is_refused(tmp_path):
    path = tmp_path / "body.npz"
    path.write_text("not an archive")
    with pytest.raises(WeightsError, match=r"body\.npz"):
        read_body(path)


def test_pickled_content_is_not_read(tmp_path, arrays):
    arrays["v_bind"] = np.array([{"a": 1}], dtype=object)
    with pytest.raises(WeightsError, match=r"body\.npz"):
        read_body(saved(tmp_path, arrays))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("v_bind", lambda a: a[:-1], "skin_idx has shape"),
        ("v_bind", lambda a: a[:, :2], "v_bind has shape"),
        ("j_bind", lambda a: a[:23], "j_bind has shape"),
        ("v_bind", lambda a: a * np.nan, "v_bind holds values that are not finite"),
        ("faces", lambda a: a + 12552, "faces name vertices"),
        ("skin_w", lambda a: a * 2, "skinning weights"),
        ("skin_idx", lambda a: a + 24, "skinning weights"),
        ("parents", lambda a: a[::-1], "parents"),
        ("parents", lambda a: a[:5], "parents has shape"),
    ],
)
def test_inconsistent_arrays_are_refused_with_the_reason(tmp_path, arrays, name, change, words):
    arrays[name] = change(arrays[name])
    with pytest.raises(WeightsError, match=words):
        read_body(saved(tmp_path, arrays))


def test_a_missing_array_is_refused(tmp_path, arrays):
    del arrays["skin_w"]
    with pytest.raises(WeightsError, match="skin_w"):
        read_body(saved(tmp_path, arrays))
