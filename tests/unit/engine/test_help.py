"""The help text says what is in the files of ``conf/``."""

from pathlib import Path

import pytest

from latentman.engine.help import defaults, groups, run_help, top_level_keys


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Return a small configuration tree."""
    (tmp_path / "config.yaml").write_text(
        "defaults:\n  - base_config\n  - _self_\n  - sla: full    # a comment\n  - optional local: default\n\n"
        "seed: 1          # of noise and motion\nfps: 10\nhydra:\n  mode: RUN\n"
    )
    for name in ("sla/full", "sla/none", "exp/ablation", "local/default", "hydra/launcher"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text("")
    return tmp_path


def test_the_defaults_list_is_read(conf: Path) -> None:
    assert defaults(conf) == {"sla": "full"}


def test_groups_come_in_the_order_of_the_defaults_list_and_others_behind(conf: Path) -> None:
    assert groups(conf) == {"sla": ["full", "none"], "exp": ["ablation"]}


def test_keys_come_with_their_defaults_and_comments(conf: Path) -> None:
    assert top_level_keys(conf) == [("seed", "1", "of noise and motion"), ("fps", "10", "")]


def test_the_text_holds_groups_and_keys(conf: Path) -> None:
    lines = run_help(conf).splitlines()
    assert "  sla              full, none" in lines
    assert "  +exp             ablation" in lines
    assert any(line.split() == ["seed=1", "of", "noise", "and", "motion"] for line in lines)
