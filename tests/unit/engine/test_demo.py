"""``latentman demo`` sets its own keys, and passes every other setting to both runs."""

import json

import pytest

from latentman.cli import main


@pytest.mark.parametrize("setting", ["method=per_frame", "run_dir=x", "sweep_dir=x", "prompts=quick3", "+name=x"])
def test_a_key_of_its_own_is_refused(setting, capsys):
    assert main(["demo", setting]) == 2
    assert f"latentman demo sets {setting.lstrip('+').partition('=')[0]} itself" in capsys.readouterr().err


def test_an_unknown_setting_is_refused_as_by_a_run(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "x"), "sed=3"]) == 2
    assert "did you mean 'seed'?" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_both_runs_share_the_stages_before_denoising(tmp_path, capsys, monkeypatch):
    arguments = ["demo", "--out", str(tmp_path), "num_frames=2", "num_inference_steps=4", "threads=1"]
    assert main(arguments) == 0
    status = [json.loads((tmp_path / name / "status.json").read_text()) for name in ("baseline", "latentman")]
    assert [one["choices"]["method"] for one in status] == ["t2v_zero", "latentman"]
    assert [one["seed"] for one in status] == [4, 4]
    for stage in ("motion", "body", "render", "correspondence"):
        assert status[0]["stages"][stage]["hash"] == status[1]["stages"][stage]["hash"]
    assert (tmp_path / "index.html").is_file()
    assert (tmp_path / "demo.webp").is_file()
    assert f"page    {tmp_path / 'index.html'}" in capsys.readouterr().out
