"""CLIP on a tiny model of random weights in the official format: our results equal those of transformers."""

import json

import numpy as np
import pytest
import torch
from transformers import CLIPModel, CLIPTokenizer

from latentman.errors import WeightsError
from latentman.metrics.clip import Preparation, load_clip, read_preparation, why_missing
from latentman.metrics.likeness import clip_frames, clip_text
from tests.factories.clip_weights import SIDE, write_clip

PROMPT = "a red robot"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def clip(folder):
    return load_clip(folder)


def some_frames(count=3, height=48, width=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(48, 48), (32, 32), (20, 20), (45, 80), (97, 64), (33, 34)])
def test_pictures_are_prepared_as_transformers_does(folder, height, width):
    processors = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    processor = processors.CLIPImageProcessorPil.from_pretrained(folder)
    frames = some_frames(2, height, width)
    theirs = processor(list(frames), return_tensors="np")["pixel_values"]
    ours = np.stack([read_preparation(folder)(frame) for frame in frames])
    assert ours.shape == theirs.shape == (2, 3, SIDE, SIDE)
    assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.slow
def test_pictures_of_the_networks_size_are_only_scaled_and_normalised():
    frame = some_frames(1, 224, 224)[0]
    made = Preparation()(frame)
    for channel, (mean, std) in enumerate(zip(Preparation().mean, Preparation().std, strict=True)):
        assert made[channel] == pytest.approx((frame[..., channel] / 255 - mean) / std, abs=1e-5)


def test_cosines_are_the_models_own_logits_divided_by_their_scale(folder, clip):
    frames = some_frames()
    model, tokenizer = CLIPModel.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder)
    pixels = torch.from_numpy(np.stack([clip.preparation(frame) for frame in frames]))
    with torch.inference_mode():
        out = model(**tokenizer(PROMPT, return_tensors="pt"), pixel_values=pixels)
        expected = (out.logits_per_text / model.logit_scale.exp())[0].numpy()
    score = clip_text(clip.embed_frames(frames), PROMPT, clip)
    assert score.per_pair == pytest.approx(expected, abs=1e-6)
    assert score.value == pytest.approx(expected.mean(), abs=1e-6)
    assert score.reason is None
    assert np.ptp(expected) > 1e-3  # the frames are distinguishable


def test_each_frame_is_compared_with_the_previous_one_and_never_the_last_with_the_first(folder, clip):
    frames = some_frames(4)
    model = CLIPModel.from_pretrained(folder)
    with torch.inference_mode():
        seen = model.get_image_features(torch.from_numpy(np.stack([clip.preparation(f) for f in frames])))
    vectors = getattr(seen, "pooler_output", seen)
    cosines = torch.nn.functional.cosine_similarity(vectors[1:], vectors[:-1]).tolist()
    score = clip_frames(clip.embed_frames(frames))
    assert score.per_pair == pytest.approx(cosines, abs=1e-6)
    assert score.value == pytest.approx(np.mean(cosines), abs=1e-6)


def test_a_still_video_is_fully_consistent_and_batches_do_not_change_vectors(clip):
    still = np.repeat(some_frames(1), 20, axis=0)  # more than one batch
    assert clip_frames(clip.embed_frames(still)).value == pytest.approx(1)
    frames = some_frames(20, seed=4)
    assert clip.embed_frames(frames)[17] == pytest.approx(clip.embed_frames(frames[17:18])[0], abs=1e-6)


def test_a_prompt_that_is_too_long_is_cut_and_the_score_reports_it(clip):
    long = "a robot dances in the street, at night"
    score = clip_text(clip.embed_frames(some_frames()), long, clip)
    assert score.reason == "the prompt was cut to the 16 tokens that CLIP reads"
    assert clip_text(clip.embed_frames(some_frames()), long + " and rain", clip).value == pytest.approx(score.value)


def test_a_single_frame_has_no_consistency(clip):
    score = clip_frames(clip.embed_frames(some_frames(1)))
    assert score.value is None
    assert "one frame" in score.reason


def test_without_preprocessor_config_openais_preprocessing_is_used(tmp_path):
    assert read_preparation(tmp_path) == Preparation()
    write_clip(tmp_path, preprocessor=False)
    with pytest.raises(WeightsError, match=r"crops images to \(224, 224\), but the network reads 32x32"):
        load_clip(tmp_path)


def test_missing_files_are_named_with_instructions_to_get_them(tmp_path):
    assert "missing: config.json, model.safetensors or pytorch_model.bin, vocab.json and merges.txt" in why_missing(
        tmp_path
    )
    write_clip(tmp_path)
    assert why_missing(tmp_path) is None
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(
        WeightsError, match=r"missing: vocab.json and merges.txt.*openai/clip-vit-base-patch32.*metrics.clip"
    ):
        load_clip(tmp_path)


def test_another_kind_of_model_and_damaged_files_are_refused(tmp_path):
    write_clip(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "siglip"}))
    with pytest.raises(WeightsError, match="type 'siglip', not 'clip'"):
        load_clip(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_clip(tmp_path)


def test_weights_that_lack_tensors_are_refused_and_never_initialised_at_random(tmp_path):
    from safetensors.torch import load_file, save_file

    write_clip(tmp_path)
    held = load_file(tmp_path / "model.safetensors")
    del held["visual_projection.weight"]
    save_file(held, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lack 1 tensors, such as visual_projection\.weight"):
        load_clip(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": {"height": 3}}, "is not a number"),
        ({"do_center_crop": False}, "does not describe"),
        ({"image_mean": [0.5]}, "does not describe"),
        ({"crop_size": 64}, "does not describe"),
    ],
)
def test_unsupported_preprocessing_is_refused(tmp_path, change, message):
    path = write_clip(tmp_path) / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(WeightsError, match=message):
        load_clip(tmp_path)


def test_the_older_form_of_the_preprocessing_file_is_read(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps({"size": 224, "crop_size": 224, "resample": 3, "do_resize": True}))
    assert read_preparation(tmp_path) == Preparation()
    path.write_text("[]")
    with pytest.raises(WeightsError, match="must hold a JSON object"):
        read_preparation(tmp_path)
