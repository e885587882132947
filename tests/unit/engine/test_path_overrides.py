"""Paths on the command line: as typed, and the two forms that are a sweep."""

import pytest

from latentman.engine.compose import check_command, compose
from latentman.engine.overrides import quote_free_text, split_arguments
from latentman.engine.path_overrides import PATH_KEYS, is_path_key
from latentman.errors import ConfigError
from tests.factories.quick import slow_except

NAMES = [
    "my dance.bvh", "a,b.bvh", "a = b.bvh", "[1].bvh", "{x}.bvh", "(1).bvh", "it's.bvh", 'say "hi".bvh', "~.bvh",
    "~x/a.bvh", "tänzer.bvh", "舞.bvh", "$HOME.bvh", "${x}.bvh", "a:b.bvh", "#1.bvh", "100%.bvh", "a\\b.bvh", "-a.bvh",
    "+a.bvh", "null.bvh", "1e3", "true", " a.bvh", "a.bvh ", "choice.bvh", "range(1,3).bvh", "../a.bvh", "\u00a0.bvh",
    "a;b|c&d`e`!f?*g<h>i^k@l.bvh",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "key", slow_except(["motion.file", "paths.weights", "setup.model", "motion.rig"], "motion.file")
)
def test_a_path_arrives_as_it_was_typed(name, key):
    config = compose(split_arguments(["motion=clip", f"{key}={name}"]).overrides)
    group, _, field = key.partition(".")
    assert getattr(getattr(config, group), field) == name


@pytest.mark.parametrize("key", [*PATH_KEYS, "iuv.folder", "iuv.model"])
def test_every_path_key_is_quoted(key):
    assert is_path_key(key)
    assert quote_free_text(f"{key}=a b, c") == f'{key}="a b, c"'
    assert quote_free_text(f"{key}=null") == f"{key}=null"
    assert quote_free_text(f'{key}="a, b"') == f'{key}="a, b"'


@pytest.mark.parametrize(
    "argument", ["iuv=images", "iuv.name=a,b", "paths.stage_cache=false", "setup=a,b", "motion.fps=1,2"]
)
def test_other_keys_are_not_paths(argument):
    assert quote_free_text(argument) == argument


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("a.bvh", "b c.bvh", "d,e.bvh", "x", "choice(1)"):
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("a.bvh,b c.bvh", '"a.bvh","b c.bvh"'),
        ("a.bvh, b c.bvh", '"a.bvh","b c.bvh"'),
        ("'d,e.bvh',a.bvh", '"d,e.bvh","a.bvh"'),
        ('"a.bvh","d,e.bvh"', '"a.bvh","d,e.bvh"'),
        ("~/a.bvh,./x", '"~/a.bvh","./x"'),
        ("a.bvh,null", '"a.bvh",null'),
        ("choice(a.bvh,none.bvh)", "choice(a.bvh,none.bvh)"),
        ("glob(*.bvh)", "glob(*.bvh)"),
    ],
)
def test_a_list_of_files_that_are_there_is_a_sweep(files, value, meant):
    assert quote_free_text(f"motion.file={value}") == f"motion.file={meant}"


@pytest.mark.parametrize(
    "value", ["a.bvh,none.bvh", "d,e.bvh", "a.bvh,", ",a.bvh", "a.bvh,,x", ",", "none,none", "choice(1)", "a.bvh,'x'y"]
)
def test_everything_else_is_one_path(files, value):
    assert quote_free_text(f"motion.file={value}") == f'motion.file="{value}"'


def test_names_of_rigs_and_hubs_can_be_swept_too(files):
    assert quote_free_text("motion.rig=auto,mixamo") == 'motion.rig="auto","mixamo"'
    assert quote_free_text("setup.model=org/a,asset:mini,x") == 'setup.model="org/a","asset:mini","x"'
    assert quote_free_text("motion.file=org/a,org/b") == 'motion.file="org/a,org/b"'


def test_a_sweep_over_files_makes_one_job_a_file(files):
    arguments = split_arguments(["-m", "motion=clip", "motion.file=a.bvh,b c.bvh,'d,e.bvh'", "sweep_dir=out"])
    jobs = check_command([*arguments.overrides, "hydra.mode=MULTIRUN"]).jobs
    assert [compose(list(job)).motion.file for job in jobs] == ["a.bvh", "b c.bvh", "d,e.bvh"]


def test_a_list_of_files_without_the_flag_asks_for_it(files):
    with pytest.raises(ConfigError, match="is a sweep over several values: add -m"):
        check_command(split_arguments(["motion=clip", "motion.file=a.bvh,b c.bvh"]).overrides)


@pytest.mark.parametrize("value", ["a" * 5000, "a\0b,c", "~nobody0/a.bvh,~nobody0/b.bvh"])
def test_a_path_that_cannot_be_is_still_one_path(value):
    assert quote_free_text(f"motion.file={value}").startswith('motion.file="')
