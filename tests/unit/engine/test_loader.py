"""The loader composes what Hydra's own composes, and reads the files again when they change."""

import pickle
import shutil
import warnings
from pathlib import Path

import hydra
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from latentman.engine import loader as module
from latentman.engine.loader import OWN_TREE, KeptLoader, Tree, composer
from latentman.errors import ConfigError
from latentman.system.paths import config_dir

COMMANDS = [
    [],
    ["sla=none", "prompt='a, b'", "pwg.window=[0.3,0.6]"],
    ["+exp=ablation", "hydra.mode=RUN"],
    ["+setup.steps.mine=30", "++tags=[a]", "+baseline={sla: none}"],
    pytest.param(["seed=3"], marks=pytest.mark.slow),
    pytest.param(["seed=3", "seed=4", "num_frames=2"], marks=pytest.mark.slow),
    pytest.param(["pwg.window=[0.3,0.6]", "sla=none"], marks=pytest.mark.slow),
    pytest.param(["+exp=ablation", "hydra.mode=RUN", "sla=none"], marks=pytest.mark.slow),
    pytest.param(["hydra/launcher=basic", "hydra.verbose=true", "+hydra.job.env_set={A: b}"], marks=pytest.mark.slow),
    pytest.param(["method=t2v_zero", "fps=15"], marks=pytest.mark.slow),
    pytest.param(["sweep_dir=${paths.runs}/x"], marks=pytest.mark.slow),
]
WRONG = [
    ["sla=absent"],
    ["num_frames=abc"],
    ["absent=3"],
    ["+method=t2v_zero"],
    ["seed=1,2"],
    ["exp=ablation"],
    ["~sla=x"],
]


def plain() -> ConfigLoaderImpl:
    """Return Hydra's own loader: the slow, obvious way."""
    return ConfigLoaderImpl(OWN_TREE.search_path())


def contents(cfg) -> dict:
    """Return all of a composition, references as they are written."""
    return OmegaConf.to_container(cfg, resolve=False)


@pytest.mark.parametrize("overrides", COMMANDS, ids=" ".join)
def test_composes_what_hydras_own_loader_composes(overrides: list[str]) -> None:
    with composer() as kept:
        expected = plain().load_configuration("config", list(overrides), RunMode.RUN)
        for _ in range(2):
            composed = kept.load_configuration("config", list(overrides), RunMode.RUN)
            assert contents(composed) == contents(expected)
            assert OmegaConf.is_struct(composed)


@pytest.mark.parametrize("overrides", WRONG, ids=" ".join)
def test_refuses_what_hydras_own_loader_refuses(overrides: list[str]) -> None:
    with composer() as kept:
        with pytest.raises(HydraException) as expected:
            plain().load_configuration("config", list(overrides), RunMode.RUN)
        with pytest.raises(type(expected.value)) as refused:
            kept.load_configuration("config", list(overrides), RunMode.RUN)
    assert str(refused.value) == str(expected.value)


def test_composes_a_sweep_as_hydras_own_loader_does() -> None:
    overrides = ["sla=none,full", "seed=1,2", "hydra.mode=MULTIRUN"]
    with composer() as kept:
        master = kept.load_configuration("config", list(overrides), RunMode.MULTIRUN)
        expected = plain().load_configuration("config", list(overrides), RunMode.MULTIRUN)
        assert contents(master) == contents(expected)
        jobs = [made.load_sweep_config(master, ["sla=none", "seed=2"]) for made in (kept, plain())]
    assert contents(jobs[0]) == contents(jobs[1])


def test_a_composition_is_not_changed_through_another() -> None:
    with composer() as kept:
        first = kept.load_configuration("config", [], RunMode.RUN)
        first.setup.model = "changed"
        first.tags.append("changed")
        second = kept.load_configuration("config", [], RunMode.RUN)
    assert second.setup.model != "changed"
    assert list(second.tags) == []


def test_the_time_in_a_folders_name_is_that_of_each_composition(monkeypatch: pytest.MonkeyPatch) -> None:
    with composer() as kept:
        first, second = (kept.load_configuration("config", [], RunMode.RUN) for _ in range(2))
    times = iter(["then", "now"])
    OmegaConf.register_new_resolver("now", lambda _: next(times), use_cache=True, replace=True)
    assert first.sweep_dir.endswith("then")
    assert second.sweep_dir.endswith("now")
    assert first.sweep_dir.endswith("then")


@pytest.fixture
def own_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a copy be our configuration tree."""
    copy = Path(shutil.copytree(config_dir(), tmp_path / "conf"))
    monkeypatch.setattr(module, "config_dir", lambda: str(copy))
    return copy


@pytest.mark.slow
def test_a_changed_file_is_read_again(own_tree: Path) -> None:
    def fps() -> float:
        with composer() as kept:
            return kept.load_configuration("config", [], RunMode.RUN).fps

    assert fps() == 10
    file = own_tree / "config.yaml"
    file.write_text(file.read_text().replace("fps: 10", "fps: 12.5"))
    assert fps() == 12.5
    (own_tree / "local").mkdir(exist_ok=True)
    (own_tree / "local" / "default.yaml").write_text("# @package _global_\nfps: 15\n")
    assert fps() == 15


def test_a_link_to_nowhere_in_the_tree_is_passed_over(own_tree: Path) -> None:
    (own_tree / ".#config.yaml").symlink_to("nowhere")
    with composer() as kept:
        assert kept.load_configuration("config", [], RunMode.RUN).seed == 1


def test_a_configuration_registered_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with composer() as before:
        assert "late" not in before.get_group_options("sla")
    sla = {"name": "late"}
    monkeypatch.setitem(ConfigStore.instance().repo, "sla", {})
    ConfigStore.instance().store(group="sla", name="late", node=sla)
    with composer() as after:
        assert "late" in after.get_group_options("sla")


def test_one_loader_serves_a_process_while_nothing_changes() -> None:
    with composer() as first, composer() as second:
        assert first is second


def test_the_users_folder_comes_before_the_tree(tmp_path: Path) -> None:
    (tmp_path / "sla").mkdir()
    (tmp_path / "sla" / "mine.yaml").write_text("defaults: [full]\nblend: 0.25\n")
    with composer(Tree(extra_dir=str(tmp_path))) as kept:
        assert kept.load_configuration("config", ["sla=mine"], RunMode.RUN).sla.blend == 0.25


def test_another_tree_and_another_name_can_be_read(tmp_path: Path) -> None:
    tree = Path(shutil.copytree(config_dir(), tmp_path / "conf"))
    (tree / "mine.yaml").write_text("defaults: [config, _self_]\nseed: 99\n")
    with composer(Tree(config_path=str(tree), config_name="mine")) as kept:
        assert kept.load_configuration("mine", [], RunMode.RUN).seed == 99


@pytest.mark.parametrize(
    ("tree", "flag"), [(Tree(extra_dir="absent"), "--config-dir"), (Tree(config_path="absent"), "--config-path")]
)
def test_a_tree_that_is_not_a_folder_is_refused(tree: Tree, flag: str) -> None:
    with pytest.raises(ConfigError, match=f"{flag} absent is not a folder"), composer(tree):
        pass


def test_the_callers_own_hydra_is_left_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with hydra.initialize_config_dir(config_dir(), version_base="1.2"):
            own = GlobalHydra.instance().hydra
            base = hydra.version.getbase()
            with composer() as kept:
                kept.load_configuration("config", [], RunMode.RUN)
            assert GlobalHydra.instance().hydra is own
            assert hydra.version.getbase() == base


def test_a_loader_is_sent_to_another_process_without_what_it_keeps() -> None:
    with composer() as kept:
        kept.load_configuration("config", ["seed=2"], RunMode.RUN)
        sent = pickle.dumps(kept)
        assert len(sent) < 30_000
        arrived = pickle.loads(sent)
        assert isinstance(arrived, KeptLoader)
        assert arrived.load_configuration("config", ["seed=2"], RunMode.RUN).seed == 2


def test_the_working_folder_is_that_of_each_composition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with composer() as kept:
        kept.load_configuration("config", [], RunMode.RUN)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert kept.load_configuration("config", [], RunMode.RUN).hydra.runtime.cwd == str(Path.cwd())
