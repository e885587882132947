"""An experiment file is not a program: what runs code or writes elsewhere is refused."""

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from latentman.engine.compose import check_command
from latentman.engine.loader import Tree, composer
from latentman.engine.overrides import quote_free_text
from latentman.engine.trusted import OURS
from latentman.errors import ConfigError

EVIL = {
    "callbacks": "hydra: {callbacks: {a: {_target_: pandas.read_pickle, filepath: x}}}",
    "job_logging": "hydra: {job_logging: {handlers: {a: {(): os.system}}}}",
    "hydra_logging": "hydra: {hydra_logging: {handlers: {a: {class: os.system}}}}",
    "output_subdir": "hydra: {output_subdir: ../../x}",
    "run": "hydra: {run: {dir: /tmp/elsewhere}}",
    "sweep": "hydra: {sweep: {dir: /tmp/elsewhere}}",
    "env_set": "hydra: {job: {env_set: {IMAGEIO_FFMPEG_EXE: ./evil}}}",
    "launcher": "hydra: {launcher: {_target_: os.system}}",
    "sweeper": "hydra: {mode: MULTIRUN, sweeper: {_target_: os.system}}",
    "baseline": "baseline: {a: {_target_: os.system}}",
}


@pytest.fixture
def theirs(tmp_path):
    """Return the folder of another person's experiment ``exp/evil.yaml``, to be filled in."""
    (tmp_path / "exp").mkdir()

    def write(text):
        (tmp_path / "exp" / "evil.yaml").write_text(f"# @package _global_\n{text}\n")
        return Tree(str(tmp_path))

    return write


def test_the_values_that_are_allowed_are_those_of_our_own_tree():
    with composer() as loader:
        hydra = loader.load_configuration("config", [], run_mode=RunMode.RUN).hydra
    for key, value in OURS.items():
        node = hydra._get_node(key)
        assert (OmegaConf.to_container(node) if OmegaConf.is_config(node) and key != "sweep" else value) in (
            value,
            None,
        )


@pytest.mark.parametrize("part", EVIL)
def test_a_file_of_somebody_else_cannot_run_code(theirs, part):
    with pytest.raises(ConfigError, match=rf"{part}.*(cannot be set|can be set on the command line only|is refused)"):
        check_command(["+exp=evil"], theirs(EVIL[part]))


def test_a_harmless_file_of_somebody_else_is_taken(theirs):
    check_command(["+exp=evil"], theirs("seed: 3"))


@pytest.mark.parametrize(
    "override",
    [
        "+hydra.callbacks.a={_target_: os.system}",
        "hydra.run.dir=/tmp/x",
        "hydra/job_logging=default",
        "hydra.output_subdir=x",
        "hydra.launcher._target_=os.system",
        "hydra.searchpath=[file:///tmp]",
    ],
)
def test_an_override_cannot_either(override):
    with pytest.raises(ConfigError, match="hydra"):
        check_command([override])


def test_our_sweeper_is_taken_and_what_its_keys_hold_is_not(theirs):
    check_command(
        ["+exp=evil", "pwg.delta=interval(0,1)"],
        theirs("defaults: [override /hydra/sweeper: optuna]\nhydra: {mode: MULTIRUN}"),
    )
    text = (
        "defaults: [override /hydra/sweeper: optuna]\nhydra: {mode: MULTIRUN, sweeper: {params: {_target_: os.system}}}"
    )
    with pytest.raises(ConfigError, match=r"hydra\.sweeper\.params\._target_=os\.system is refused"):
        check_command(["+exp=evil"], theirs(text))


@pytest.mark.parametrize(
    ("override", "ours"), [("hydra.run.dir=x", "run_dir=DIR"), ("hydra.sweep.dir=x", "sweep_dir=DIR")]
)
def test_hydras_folders_are_refused_with_the_key_to_use(override, ours):
    with pytest.raises(
        ConfigError, match=f"{override.partition('=')[0]} cannot be set: the folder is named with {ours}"
    ):
        check_command([override])


def test_a_job_of_a_sweep_cannot_either(theirs, tmp_path):
    (tmp_path / "variant").mkdir()
    (tmp_path / "variant" / "bad.yaml").write_text(f"# @package _global_\n{EVIL['job_logging']}\n")
    with pytest.raises(ConfigError, match="job_logging"):
        check_command(["+variant=bad", "seed=1,2", "hydra.mode=MULTIRUN"], theirs("seed: 1"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2", "line 3: the key 'seed' is there twice"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1]\n"
            + "\n".join(
                f"k{i}: &k{i} [{','.join([f'*{p}'] * 9)}]" for i, p in enumerate(["a", *(f"k{i}" for i in range(8))])
            ),
            "aliases included",
        ),
        ("tags: " + "[" * 200, "nested more than 50 deep"),
        ("seed: !!bool maybe", "does not have the type"),
        ("name:\n\t- x", "line 3"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(theirs, text, message):
    with pytest.raises(ConfigError, match=rf"exp/evil\.yaml: .*{message}"):
        check_command(["+exp=evil"], theirs(text))


@pytest.mark.parametrize("name", ["../../x", "/abs", "..", "a/b", "a\\b", "a:b", "x" * 101, ""])
def test_a_name_stays_in_its_folder(name):
    with pytest.raises(ConfigError, match=r"plain name|name"):
        check_command([f"name='{name}'"])


@pytest.mark.parametrize(
    "override",
    ["prompt=\udcff", "run_dir=~no-such-user/x", "run_dir=" + "a" * 5000, "paths.runs=~no-such-user/a"],
)
def test_paths_and_texts_that_cannot_be_are_refused_in_words(override):
    with pytest.raises(ConfigError, match=r"UTF-8|no user ~no-such-user|bytes"):
        check_command([quote_free_text(override)])
