"""The benchmark of motion sources: its table, and where it is written."""

from pathlib import Path

import numpy as np
import pytest

from latentman.bench.__main__ import main
from latentman.bench.motion import Row, markdown, measure_source
from latentman.body.build import build as build_body
from latentman.engine.compose import compose
from latentman.errors import ConfigError
from latentman.motion.build import build
from latentman.motion.quality import measure


def row(name: str, seconds: float) -> Row:
    quality = measure(build(compose([]).motion)("a person walks", num_frames=20, seed=0).joints, 20.0)
    return Row(name, quality, quality, seconds, 3)


def test_costs_are_ratios_to_the_first_row() -> None:
    table = markdown([row("procedural", 0.01), row("mdm_mini", 0.5)]).splitlines()
    assert table[2].startswith("| procedural |")
    assert "| 1 | 3 |" in table[2]
    assert "| × 50 | 3 |" in table[3]


@pytest.mark.slow
def test_the_table_goes_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n", encoding="utf-8")
    assert main(["motion", "--seeds", "1", "--markdown", str(path), f"paths.weights={tmp_path}"]) == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- table -->\n| source |")
    assert text.endswith("<!-- end of table -->\nafter\n")
    assert "old" not in text
    assert "| procedural |" in text


def test_a_source_is_measured_before_and_after_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    import latentman.bench.motion as bench

    monkeypatch.setattr(bench, "PROMPTS", ("a person walks", "a person waves"))
    config = compose([])
    found = measure_source(config, build(config.motion), build_body(config.body), seeds=1)
    assert (found.source, found.clips) == ("procedural", 2)
    assert found.seconds > 0
    assert np.isfinite(found.fitted.jitter)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["motoin"], r"'motoin' is not a benchmark; did you mean 'motion'\?"),
        (["motion", "--seeds", "0"], "--seeds 0 must be 1 or more"),
        (["motion", "--seeds", "x"], "invalid int value"),
        (["motion", "--markdown", "nowhere.md"], r"--markdown nowhere\.md: No such file"),
    ],
)
def test_commands_that_cannot_work_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        main(arguments)


def test_a_file_without_marks_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("no table here\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="it needs the lines"):
        main(["motion", "--markdown", str(path)])
    assert path.read_text(encoding="utf-8") == "no table here\n"


def test_the_fit_is_measured_clean_and_with_noise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import latentman.bench.fit as bench

    monkeypatch.setattr(bench, "PROMPTS", ("a person walks", "a person kicks", "left out"))
    assert main(["fit"]) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["clean", "analytic"], ["clean", "refined"], ["5 mm of noise", "analytic"], ["5 mm of noise", "refined"],
    ]  # fmt: skip
    assert float(rows[0][3]) < 1
    assert float(rows[3][3]) < 10
    assert float(rows[3][4]) < float(rows[2][4])
    assert all(float(row[5]) <= 45 for row in rows)


def test_benchmarks_without_settings_refuse_them() -> None:
    with pytest.raises(ConfigError, match="latentman bench fit takes no settings, got seeds=3"):
        main(["fit", "seeds=3"])


@pytest.mark.slow
def test_sampling_times_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sampling"]) == 0
    out = capsys.readouterr().out
    for name in ("| MLD | 26.4 M | 50 |", "| MDM, 50 steps | 17.9 M | 50 |", "| MDM decoder, 50 steps | 2", "| GMD"):
        assert name in out


@pytest.mark.slow
def test_a_file_of_the_users_gets_a_row_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import latentman.bench.motion as bench

    monkeypatch.setattr(bench, "PROMPTS", ("a person walks",))
    monkeypatch.setattr(bench, "SOURCES", {"procedural": None, "clip": None, "mld": None})
    joints = build(compose([]).motion)("a person walks", num_frames=100, seed=0).joints
    np.savez(tmp_path / "walk.npz", joints=joints, fps=20.0)
    plain = [f"paths.weights={tmp_path}"]
    assert [r.source for r in bench.measure_sources(plain, 1)] == ["procedural"]
    with_file = [*plain, f"motion.file={tmp_path / 'walk.npz'}"]
    assert [r.source for r in bench.measure_sources(with_file, 1)] == ["procedural", "clip"]
