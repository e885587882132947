"""What is refused before the first stage: models of the hub that are neither in its client's cache nor reachable."""

import shutil
import socket
from pathlib import Path

import pytest

from latentman.engine.compose import compose
from latentman.engine.runner import _prepare
from latentman.errors import MissingExtraError, WeightsError
from latentman.system.paths import asset
from tests.factories.motion_checkpoints import write_mdm

MODEL, NET = "someone/some-model", "someone/some-controlnet"
COMMAND = [f"setup.model={MODEL}", f"setup.controlnet={NET}"]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache of the hub, which nobody answers for: its address is a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def fetched(hub: Path, hub_id: str, files: Path) -> Path:
    """Lay a model's files into the cache as the hub's client does, and return their folder."""
    kept = hub / f"models--{hub_id.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("abc", encoding="utf-8")
    return Path(shutil.copytree(files, kept / "snapshots" / "abc"))


def test_a_model_that_can_neither_be_found_nor_fetched_is_refused(hub: Path) -> None:
    with pytest.raises(
        WeightsError, match=rf"setup\.model=stable-diffusion.*not whole in {hub}, and cannot be fetched"
    ):
        _prepare(compose(["setup=sd15"]))


def test_offline_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match=rf"{MODEL} is not in .* and HF_HUB_OFFLINE"):
        _prepare(compose(COMMAND))


def test_a_model_that_was_fetched_needs_no_hub(hub: Path) -> None:
    folder = fetched(hub, MODEL, asset("mini-sd"))
    net = fetched(hub, NET, asset("mini-sd") / "controlnet")
    _prepare(compose(COMMAND))
    (net / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"setup\.controlnet=.*not whole"):
        _prepare(compose(COMMAND))
    shutil.rmtree(folder / "vae")
    with pytest.raises(WeightsError, match=r"setup\.model=.*not whole"):
        _prepare(compose(COMMAND))


def test_a_text_encoder_that_cannot_be_fetched_is_refused(tmp_path: Path, hub: Path) -> None:
    (tmp_path / "mdm" / "mine").mkdir(parents=True)
    write_mdm(tmp_path / "mdm" / "mine")
    command = ["motion=mdm", f"paths.weights={tmp_path}"]
    with pytest.raises(WeightsError, match=r"motion\.text_encoder=openai/clip-vit-base-patch32: it is not whole"):
        _prepare(compose(command))
    clip = fetched(hub, "openai/clip-vit-base-patch32", tmp_path / "mdm")
    for name in ("config.json", "vocab.json", "model.safetensors"):
        (clip / name).touch()
    _prepare(compose(command))


def test_an_empty_text_encoder_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mdm" / "mine").mkdir(parents=True)
    write_mdm(tmp_path / "mdm" / "mine")
    (tmp_path / "clip").mkdir()
    with pytest.raises(WeightsError, match=r"clip lacks config\.json and its tokenizer"):
        _prepare(compose(["motion=mdm", f"paths.weights={tmp_path}", f"motion.text_encoder={tmp_path}/clip"]))


def test_a_renderer_that_is_not_installed_is_refused() -> None:
    try:
        import pytorch3d  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match="renderer=pytorch3d"):
            _prepare(compose(["renderer=pytorch3d"]))
