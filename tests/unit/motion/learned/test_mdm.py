"""MDM's variants and the sampler's formulas, against slow implementations."""

from dataclasses import replace

import pytest
import torch

from latentman.motion.learned.mdm import MDM, MDMConfig
from latentman.motion.learned.mdm_checkpoint import load_mdm
from tests.factories import naive_networks
from tests.factories.motion_checkpoints import SMALL_MDM, TEXT_WIDTH, seeded, write_mdm

DECODER = replace(SMALL_MDM, arch="trans_dec")


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (MDMConfig(), 17_880_327),
        (MDMConfig(arch="trans_dec", text_dim=768), 26_424_583),
        (MDMConfig(condition="action", num_features=150), 17_507_990),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_released_networks_have_the_known_number_of_parameters(config, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in MDM(config).parameters()) == parameters


def test_the_released_tensor_names_exist():
    with torch.device("meta"):
        decoder = MDM(MDMConfig(arch="trans_dec", text_dim=768)).state_dict()
        action = MDM(MDMConfig(condition="action", num_features=150)).state_dict()
    assert tuple(decoder["embed_text.weight"].shape) == (512, 768)
    assert "seqTransDecoder.layers.7.multihead_attn.in_proj_weight" in decoder
    assert tuple(action["embed_action.action_embedding"].shape) == (12, 512)
    assert "embed_text.weight" not in action
    assert not any(key.endswith(".pe") for key in [*decoder, *action])


def test_the_decoder_equals_a_slow_implementation():
    network = seeded(lambda: MDM(DECODER)).double()
    motion = torch.randn(1, 263, 1, 9, dtype=torch.float64)
    text = torch.randn(1, 5, TEXT_WIDTH, dtype=torch.float64)
    with torch.no_grad():
        naive = naive_networks.mdm_decoder(dict(network.state_dict()), motion[0, :, 0].T, 31, text[0], layers=2)
        found = network(motion, torch.tensor([31]), text)
    torch.testing.assert_close(found[0, :, 0].T, naive, rtol=1e-5, atol=1e-5)  # the sinusoids are in single precision


@pytest.mark.parametrize("policy", ["add", "concat"])
def test_padding_of_a_text_changes_nothing(policy):
    network = seeded(lambda: MDM(replace(DECODER, emb_policy=policy)))
    motion, steps, text = torch.randn(1, 263, 1, 9), torch.tensor([3]), torch.randn(1, 5, TEXT_WIDTH)
    longer = torch.cat([text, torch.full((1, 2, TEXT_WIDTH), 9.0)], dim=1)
    padding = torch.tensor([[False] * 5 + [True] * 2])
    with torch.no_grad():
        torch.testing.assert_close(
            network(motion, steps, longer, text_padding=padding), network(motion, steps, text), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("many", [True, False])
def test_the_token_before_the_frames_is_removed_from_the_output(many):
    network = seeded(lambda: MDM(replace(DECODER, emb_trans_dec=True)))
    text = torch.randn(1, 5, TEXT_WIDTH) if many else torch.randn(1, TEXT_WIDTH)
    assert network(torch.randn(1, 263, 1, 9), torch.tensor([3]), text).shape == (1, 263, 1, 9)


@pytest.mark.parametrize("token", ["time", "condition"])
def test_the_token_before_the_frames_is_the_time_alone_or_with_the_text_as_older_code_has_it(token):
    network = seeded(lambda: MDM(replace(DECODER, emb_trans_dec=True, token=token)))
    motion, steps, text = torch.randn(1, 263, 1, 9), torch.tensor([3]), torch.randn(1, TEXT_WIDTH)
    with torch.no_grad():
        time = network.embed_timestep(steps)
        condition = time + network.embed_text(text)[None]
        ahead = time if token == "time" else condition
        frames = network.sequence_pos_encoder(torch.cat([ahead, network.input_process(motion)]))
        expected = network.output_process(network.seqTransDecoder(frames, condition)[1:])
        torch.testing.assert_close(network(motion, steps, text), expected)


@pytest.mark.parametrize(("given", "token"), [({}, "condition"), ({"text_encoder_type": "clip"}, "time")])
def test_older_files_which_name_no_text_encoder_have_the_text_in_that_token(tmp_path, given, token):
    write_mdm(tmp_path, replace(DECODER, emb_trans_dec=True), **given)
    assert load_mdm(tmp_path / "model000200000.pt").network.config.token == token


def test_frames_beyond_the_length_change_nothing_in_a_masked_decoder():
    network = seeded(lambda: MDM(replace(DECODER, mask_frames=True, emb_trans_dec=True)))
    motion, text = torch.randn(1, 263, 1, 9), torch.randn(1, 5, TEXT_WIDTH)
    with torch.no_grad():
        masked = network(motion, torch.tensor([3]), text, lengths=torch.tensor([6]))[..., :6]
        torch.testing.assert_close(masked, network(motion[..., :6], torch.tensor([3]), text), rtol=1e-4, atol=1e-5)


def test_actions_change_the_motion_and_an_unconditioned_model_ignores_its_condition():
    action = seeded(lambda: MDM(replace(SMALL_MDM, condition="action", num_features=150)))
    motion, steps = torch.randn(1, 150, 1, 9), torch.tensor([3])
    with torch.no_grad():
        assert not torch.allclose(action(motion, steps, torch.tensor([0])), action(motion, steps, torch.tensor([1])))
    free = seeded(lambda: MDM(replace(SMALL_MDM, condition="none")))
    assert free(torch.randn(1, 263, 1, 9), steps).shape == (1, 263, 1, 9)
