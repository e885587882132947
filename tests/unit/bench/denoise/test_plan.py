"""``latentman bench denoise --plan``: what it prints, for which cards, and what it refuses."""

import json
from pathlib import Path

import pytest

from latentman.bench.__main__ import main
from latentman.bench.denoise.cards import CARDS, Card
from latentman.bench.denoise.plan import Planned, plan_tables, planned, whole_video
from latentman.errors import ConfigError

GIGA = 10**9


def test_a_floor_is_arithmetic_in_both_precisions_or_reading_the_weights():
    card = Card(100.0, 1000.0, 24.0)
    assert card.floor(50.0, 0.0, 1.0) == 0.5
    assert card.floor(50.0, 25.0, 1.0) == 1.0
    assert card.floor(0.1, 0.0, 10.0) == 0.01


def test_what_a_cards_memory_does_not_hold_has_no_floor():
    row = Planned("sd15", 8, "plain", 16.0, 0.0, 3 * GIGA, GIGA, 8 * GIGA + 1)
    assert row.floor(CARDS["RTX 3060"]) is None
    assert row.floor(CARDS["RTX 4090"]) == pytest.approx(16 / 165.2)
    lines = plan_tables([row, *(part_of(row, part) for part in ("direct", "decode"))], ["RTX 3060", "H100"])
    assert "does not fit" in lines


def part_of(row, part, tflop=1.0):
    return Planned(row.model, row.frames, part, tflop, 0.0, row.networks, row.inputs, row.activations)


def test_the_video_is_added_up_from_its_steps():
    plain = Planned("sd15", 8, "plain", 10.0, 1.0, GIGA, 0, 3)
    video = whole_video([plain, part_of(plain, "direct", 30.0), part_of(plain, "decode", 5.0)])
    assert video.half_tflop == 50 * 10 + 50 * 30 + 5
    assert video.full_tflop == 50
    assert video.activations == 3


@pytest.mark.slow
def test_a_guided_step_takes_more_than_a_step():
    parts = {row.part: row for row in planned("tiny", 3)}
    assert parts["direct"].half_tflop > parts["plain"].half_tflop > 0
    assert parts["plain"].full_tflop == 0
    assert parts["plain"].networks == parts["decode"].networks > 0


def test_the_command_says_that_it_computes_and_writes_its_numbers(tmp_path: Path, capsys):
    file = tmp_path / "plan.json"
    command = ["denoise", "--plan", "--model", "tiny", "--frames", "3", "--long", "0", "--card", "RTX 4090,H200"]
    assert main([*command, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Computed from the graph, not measured.")
    assert "| model | frames | part | RTX 4090 | H200 |" in out
    assert [row["part"] for row in json.loads(file.read_text(encoding="utf-8"))["computed"]] == [
        "plain", "direct", "decode",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "mini"], "sd15"),
        (["--card", "RTX 4080"], "RTX 4090"),
        (["--frames", "1"], "2 or more"),
        (["--dtype", "half"], "float16"),
        (["--image-size", "100"], "multiple of 64"),
        (["--json", "nowhere/at/all.json"], "folder that exists"),
        (["--levers", "all"], "--help"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(arguments, said):
    with pytest.raises(ConfigError, match=said):
        main(["denoise", "--plan", *arguments])


@pytest.mark.slow
def test_stable_diffusion_in_full_size_fits_a_card_of_24_gb_and_reads_its_weights():
    parts = {row.part: row for row in planned("sd15", 2)}
    assert parts["plain"].networks == pytest.approx(2 * (859.5e6 + 361.3e6 + 83.7e6), rel=0.01)
    assert parts["direct"].floor(CARDS["RTX 4090"]) is not None
