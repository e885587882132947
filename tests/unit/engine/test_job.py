"""From overrides to folder names, to the variants of a table, and to the command that repeats a run."""

import shlex

import pytest

from latentman.engine.job import _command, _swept, folder_name, slug

OVERRIDES = ["+exp=ablation", "sla=none", "num_inference_steps=10", "threads=2", "sweep_dir='a, b'", "seed=4"]


def test_whatever_changes_the_result_makes_a_variant():
    assert _swept(OVERRIDES) == {"sla": "none", "num_inference_steps": "10", "seed": "4"}


def test_a_jobs_folder_is_numbered_and_named_for_its_variant():
    assert folder_name(3, OVERRIDES) == "03_sla-none_seed-4"
    assert folder_name(0, []) == "00"


@pytest.mark.parametrize("text", ["a/b", "../up", "ü & \n", "", "a" * 300, "con:1"])
def test_a_slug_is_a_plain_short_name(text):
    name = slug(text)
    assert name
    assert len(name) <= 40
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert name not in {".", ".."}


def test_the_command_repeats_the_run_with_its_text_as_typed():
    command = shlex.split(_command(["prompt='old'", "sla=none", "run_dir='x'"], {"prompt": "it's a, b", "seed": "3"}))
    assert command == ["python", "-m", "latentman.run", "sla=none", "prompt=it's a, b", "seed=3"]
