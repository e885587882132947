"""Pieces that share nothing but their parts end with the weights of an uninterrupted training."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from latentman.errors import ConfigError, DataError
from latentman.files.folder_parts import split_folder
from latentman.train.mini.parts import PARTS
from latentman.train.mini.piece import Piece, parse_piece, train_piece, write_parts
from latentman.train.mini.settings import MiniTraining, parse_settings

STEPS = ["scenes.number=32", "judges.steps=3", "vae.steps=4", "decoder.steps=2", "t2i.steps=4", "controlnet.steps=3"]


def settings(out: Path, *more: str) -> MiniTraining:
    return parse_settings("piece", [f"out={out}", "preset=cpu_smoke", "device=cpu", *STEPS, *more])


def show(_name: str, _number: int):
    return nullcontext(lambda _done, _total: None)


def networks(folder: Path) -> dict[str, bytes]:
    model = folder / "mini-sd"
    return {p.relative_to(model).as_posix(): p.read_bytes() for p in model.rglob("*.safetensors")}


@pytest.mark.slow
def test_a_piece_continues_in_a_fresh_folder_from_the_parts_alone(tmp_path: Path) -> None:
    first = settings(tmp_path / "first")
    for part in ("scenes", "vae"):
        assert PARTS[part](first, show)
    # The loop takes at least one step, so it stops in the middle of the part.
    assert not PARTS["t2i"](replace(first, minutes=1e-9), show)
    parts = Piece(tmp_path / "parts", part_mb=0.05)
    write_parts(first.folder, parts)
    assert max(path.stat().st_size for path in parts.after.iterdir()) <= parts.part_bytes
    second = settings(tmp_path / "second")
    assert train_piece(second, Piece(tmp_path / "last", before=parts.after), show)
    # The reference: the first folder, continued where it is.
    for part in ("t2i", "controlnet", "export"):
        assert PARTS[part](first, show)
    assert networks(second.folder) == networks(first.folder) != {}


def test_minutes_that_do_not_suffice_for_the_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"minutes=1e-05 is not enough to draw scenes\.number=32"):
        train_piece(settings(tmp_path / "out", "minutes=0.00001", "scenes.shard=8"), Piece(tmp_path / "parts"), show)


def test_a_piece_does_not_mix_with_what_is_in_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("x")
    split_folder(tmp_path / "out", ["old"], tmp_path / "before", 10)
    with pytest.raises(ConfigError, match="it is not empty; choose a new folder"):
        train_piece(settings(tmp_path / "out"), Piece(tmp_path / "after", tmp_path / "before"), show)


def test_a_folder_without_parts_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="these parts are incomplete"):
        train_piece(settings(tmp_path / "out"), Piece(tmp_path / "after", tmp_path / "nothing"), show)
    assert not (tmp_path / "out").exists()


def test_the_keys_of_a_piece_are_told_from_settings() -> None:
    piece, others = parse_piece(["out=x", "after=a", "part_mb=0.5", "minutes=3"])
    assert piece == Piece(Path("a"), None, 0.5)
    assert others == ["out=x", "minutes=3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["out=x"], "needs after="),
        (["after=a", "part_mb=0"], "part_mb=0 must be"),
        (["after=a", "part_mb=x"], "part_mb=x"),
    ],
)
def test_a_piece_that_cannot_work_is_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_piece(arguments)
