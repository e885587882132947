"""One ``.safetensors`` file with the first code's names loads as the folder that it was made from does."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from latentman.errors import ConfigError, WeightsError
from latentman.networks.load import load_backbone
from latentman.networks.resolved import check_setup, resolve_setup
from tests.factories.families import family_setup, save_family
from tests.factories.original_names import single_file_tensors
from tests.factories.tiny_model import ONE_CONTROLNET

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def parts(folder):
    return load_backbone(family_setup(folder), ONE_CONTROLNET, CPU)


@pytest.fixture(scope="module")
def file(parts, folder):
    path = folder.parent / "fine-tune.safetensors"
    texts = [encoder for encoder, _ in parts.text_encoders]
    save_file(single_file_tensors(parts.unet, parts.vae, texts), path)
    return path


@pytest.fixture(scope="module")
def configurations(folder):
    """What is needed besides the file when there is no network: no weights."""
    target = folder.parent / "architecture"
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.safetensors", "controlnet"))
    return target


def setup_of(file, configurations, folder, **more):
    return family_setup(file, architecture=str(configurations), controlnet=str(folder / "controlnet"), **more)


def test_a_single_file_is_the_folder_that_it_was_made_from(file, configurations, folder, parts):
    loaded = load_backbone(setup_of(file, configurations, folder), ONE_CONTROLNET, CPU)
    for name in ("unet", "vae", "text_encoder", *(["text_encoder_2"] if parts.text_encoder_2 is not None else [])):
        ours, theirs = getattr(loaded, name).state_dict(), getattr(parts, name).state_dict()
        assert ours.keys() == theirs.keys()
        for key, tensor in theirs.items():
            assert torch.equal(ours[key], tensor), (name, key)
        assert not any(parameter.requires_grad for parameter in getattr(loaded, name).parameters())


@pytest.mark.slow
def test_a_single_file_in_another_precision(file, configurations, folder):
    setup = setup_of(file, configurations, folder, dtype="bfloat16")
    loaded = load_backbone(setup, ONE_CONTROLNET, CPU)
    for encoder, _ in loaded.text_encoders:
        assert {parameter.dtype for parameter in encoder.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in loaded.unet.parameters()} == {torch.bfloat16}


def test_its_digest_covers_file_and_architecture(file, configurations, folder):
    digests = resolve_setup(setup_of(file, configurations, folder), ONE_CONTROLNET).digests
    assert set(digests) == {"model", "controlnet", "architecture"}


def test_without_an_architecture_it_is_refused(file, folder):
    setup = family_setup(file, controlnet=str(folder / "controlnet"))
    with pytest.raises(ConfigError, match=r"single file.*setup\.architecture"):
        check_setup(setup, ONE_CONTROLNET)


def test_an_architecture_that_lacks_a_configuration_is_refused(file, configurations, folder, tmp_path):
    copied = shutil.copytree(configurations, tmp_path / "copy")
    (copied / "vae" / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"setup.architecture: .* lacks vae/config.json"):
        check_setup(setup_of(file, copied, folder), ONE_CONTROLNET)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt"])
def test_a_pickled_checkpoint_is_refused_without_being_read(file, configurations, folder, tmp_path, suffix):
    pickled = tmp_path / f"model{suffix}"
    pickled.write_bytes(b"\x80\x02not to be read")
    with pytest.raises(WeightsError, match=r"pickled checkpoint.*only .safetensors"):
        check_setup(setup_of(pickled, configurations, folder), ONE_CONTROLNET)


@pytest.mark.parametrize("part", ["model.diffusion_model.", "first_stage_model."])
def test_a_file_that_holds_no_whole_model_is_refused(file, configurations, folder, tmp_path, part):
    kept = {name: tensor for name, tensor in load_file(file).items() if not name.startswith(part)}
    save_file(kept, tmp_path / "part.safetensors")
    with pytest.raises(WeightsError, match=rf"holds no (unet|vae) \(no tensor {part}"):
        check_setup(setup_of(tmp_path / "part.safetensors", configurations, folder), ONE_CONTROLNET)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["model.diffusion_model.middle_block.0.in_layers.2.weight", "first_stage_model.decoder.conv_in.weight"]
)
def test_a_file_without_one_tensor_is_refused(file, configurations, folder, tmp_path, name):
    tensors = load_file(file)
    del tensors[name]
    save_file(tensors, tmp_path / "damaged.safetensors")
    with pytest.raises(WeightsError, match=r"its (unet|vae) lacks 1 tensors"):
        load_backbone(setup_of(tmp_path / "damaged.safetensors", configurations, folder), ONE_CONTROLNET, CPU)


@pytest.mark.slow
def test_an_architecture_of_another_family_is_refused(file, family, tmp_path):
    other = tmp_path / "other"
    save_family(other, {"sd15": "sdxl", "sdxl": "sd15"}[family])
    with pytest.raises(WeightsError, match=r"of another family than setup.architecture: width of the text"):
        check_setup(setup_of(file, other, other), ONE_CONTROLNET)


def test_a_file_that_is_not_there_is_named(configurations, folder):
    with pytest.raises(WeightsError, match=r"there is no file /no/such.safetensors"):
        check_setup(setup_of("/no/such.safetensors", configurations, folder), ONE_CONTROLNET)
