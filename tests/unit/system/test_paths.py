"""Paths that a user typed."""

from pathlib import Path

import pytest

from latentman.system.paths import is_file, user_path


def test_a_path_of_the_user_is_as_typed_if_it_is_there_and_else_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "here.bvh").write_text("")
    assert user_path("~/here.bvh") == Path("~/here.bvh")
    assert user_path("~/there.bvh") == tmp_path / "home" / "there.bvh"
    assert user_path("plain.bvh") == Path("plain.bvh")


@pytest.mark.parametrize("text", ["~nobody0/a.bvh", "a" * 5000, "a\0b"])
def test_a_path_that_cannot_be_is_not_there(text):
    assert not is_file(user_path(text))
