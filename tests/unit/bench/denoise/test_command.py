"""``latentman bench denoise``: the two routes are the same mathematics; figures, tables, targets and the files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from latentman.bench.__main__ import main
from latentman.bench.denoise.levers import LEVERS, time_levers
from latentman.bench.denoise.measure import Memory, Row, Spec, count_tflop, matmul_tflops, memory_of, time_in_turns
from latentman.bench.denoise.measure import main as measure_memory
from latentman.bench.denoise.model import ARCHITECTURES, Subject, make_networks, make_subject, walking_map, weights_of
from latentman.bench.denoise.parts import PARTS, batched_gradient, make_plan, ours, released
from latentman.bench.denoise.released import Released, released_networks
from latentman.bench.denoise.results import Results, added_up
from latentman.bench.denoise.table import tables
from latentman.bench.denoise.targets import targets
from latentman.diffusion.anchor_state import Anchor
from latentman.diffusion.attention import anchored
from latentman.diffusion.conditioning import build_control
from latentman.diffusion.decode import decode, decode_frames
from latentman.diffusion.denoise import denoise
from latentman.diffusion.predict import Prediction
from latentman.diffusion.pwg import GuidancePlan, guidance_step, pixel_wise_guidance
from latentman.diffusion.schedule import build_schedule
from latentman.errors import ConfigError, DataError
from latentman.networks.load import load_backbone
from tests.factories import tiny_model as models

CPU = torch.device("cpu")
SCALE, FRAMES, STEP = 5.0, 4, 2


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """The command chooses how many threads torch uses."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The random model that the tests of the denoising loop use, with random pictures and maps."""
    folder = tmp_path_factory.mktemp("model") / "tiny-sd"
    models.save_tiny_model(folder)
    backbone = load_backbone(models.tiny_setup(folder), models.ONE_CONTROLNET, CPU)
    pictures = torch.rand(FRAMES, models.IMAGE, models.IMAGE, 3, generator=torch.Generator().manual_seed(4))
    clip = models.make_frames(backbone, pictures[..., 0].numpy())
    grid = (models.GRID, models.GRID)
    taken = {"depth": pictures.numpy()}
    control = build_control(backbone, models.ONE_CONTROLNET, taken, num_frames=FRAMES, grid=grid)
    return Subject(backbone, replace(clip, control=control), pictures.permute(0, 3, 1, 2), SCALE, SCALE - 1)


@pytest.fixture(scope="module")
def tiny() -> Subject:
    return make_subject("tiny", frames=3, device=CPU, dtype="auto")


@pytest.fixture
def latents() -> torch.Tensor:
    shape = (FRAMES, 4, models.GRID, models.GRID)
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 2e-4) -> bool:
    return torch.allclose(a, b, atol=tolerance * float(b.abs().max()), rtol=0)


def test_the_released_step_and_its_gradient_are_ours(subject: Subject, latents: torch.Tensor) -> None:
    backbone, clip = subject.backbone, subject.clip
    plan = make_plan(subject, "official_uncond", num_steps=5)
    schedule = build_schedule(backbone.scheduler, 5, eta=0.0, seed=0)
    with released_networks(subject):
        before, gradient = Released(subject, schedule, plan).guided_step(STEP, latents)
    anchor = Anchor(plan.anchor)
    networks = Prediction(backbone, clip.text, clip.control, anchor, SCALE, FRAMES)
    timestep = schedule.timesteps[STEP]
    with torch.no_grad(), anchored(backbone.networks(("unet", "controlnet")), anchor):
        mine, x0, _ = schedule.step_back(networks(latents, timestep), STEP, latents)
        pulled = pixel_wise_guidance(x0, clip.guidance_map, lambda x: decode(backbone, x))
        unit = GuidancePlan(gradient="official_uncond", delta=1.0)
        own = guidance_step(unit, networks, pulled, latents, timestep=timestep, level=schedule.level(STEP))
    assert close(before, mine)
    assert close(gradient, own)
    assert gradient[0].abs().max() == 0  # frame 0 has no reference
    assert (gradient[1:].flatten(1).abs().amax(1) > 0).all()


@pytest.mark.slow
def test_the_released_video_is_ours(subject: Subject) -> None:
    plan = make_plan(subject, "official_uncond", num_steps=5)
    plan = replace(plan, guidance=replace(plan.guidance, delta=50.0))
    assert len(plan.sla_steps) == 2
    assert len(plan.guidance.steps) > 0
    schedule = build_schedule(subject.backbone.scheduler, 5, eta=0.0, seed=0)
    with released_networks(subject):
        theirs = Released(subject, schedule, plan).video()
    mine = decode_frames(subject.backbone, denoise(subject.backbone, subject.clip, plan))
    unguided = replace(plan, guidance=replace(plan.guidance, steps=range(0)))
    without = decode_frames(subject.backbone, denoise(subject.backbone, subject.clip, unguided))
    difference = ((theirs * 255).round().permute(0, 2, 3, 1) - mine).abs()
    assert difference.max() <= 1
    assert (without.int() - mine.int()).abs().max() > 3  # so that guidance has been compared


def test_the_networks_are_ours_again_after_the_released_route(subject: Subject) -> None:
    processors = dict(subject.backbone.unet.attn_processors)
    with released_networks(subject):
        assert dict(subject.backbone.unet.attn_processors) != processors
    assert dict(subject.backbone.unet.attn_processors) == processors
    assert subject.backbone.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("frames_at_once", [1, 3, FRAMES])
def test_guidance_in_batches_of_frames_is_that_frame_by_frame(
    subject: Subject, latents: torch.Tensor, frames_at_once: int
) -> None:
    expected = pixel_wise_guidance(latents, subject.clip.guidance_map, lambda x: decode(subject.backbone, x))
    assert close(batched_gradient(subject, latents, frames_at_once), expected)


def test_every_part_of_both_routes_is_timed_and_its_arithmetic_counted(tiny: Subject) -> None:
    rows = time_in_turns(tiny, repeats=2)
    assert [row.part for row in rows if row.route == "ours"] == list(PARTS)
    assert {row.part for row in rows if row.route == "released"} == {"plain", "official_uncond", "align", "decode"}
    assert all(len(row.times) == 2 and row.ms is not None for row in rows)
    tflop = {(row.route, row.part): row.tflop for row in rows}
    assert tflop["ours", "align"] == 0
    # The anchor's keys and values and the stem once, no gradient of the text's half.
    assert tflop["ours", "plain"] < tflop["released", "plain"]
    assert tflop["ours", "plain"] < tflop["ours", "direct"] < tflop["ours", "official_uncond"] < tflop["ours", "full"]
    assert tflop["ours", "decode"] == tflop["released", "decode"]


def test_arithmetic_counts_products_convolutions_and_attention_both_ways() -> None:
    a = torch.zeros(3, 5, requires_grad=True)
    assert count_tflop(lambda: a @ torch.zeros(5, 7)) == pytest.approx(2 * 3 * 5 * 7 / 1e12)
    query, key = torch.zeros(1, 2, 16, 8, requires_grad=True), torch.zeros(1, 2, 32, 8)

    def attend() -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, key)

    products = 2 * 2 * (2 * 16 * 32 * 8)  # two heads, two products
    assert count_tflop(attend) == pytest.approx(products / 1e12)
    # On the way back the weights once more, and two products for each of the two.
    assert count_tflop(lambda: torch.autograd.grad(attend().sum(), query)) == pytest.approx(3.5 * products / 1e12)


def test_a_matrix_product_has_a_speed() -> None:
    assert 1e-4 < matmul_tflops(CPU, torch.float32) < 100


def test_a_process_for_memory_says_what_its_part_needs(tiny: Subject, capsys: pytest.CaptureFixture[str]) -> None:
    spec = {"model": "tiny", "frames": 3, "device": "cpu", "dtype": "auto", "image_size": None, "threads": 1}
    assert measure_memory([json.dumps({"spec": spec, "route": "ours", "part": "direct", "runs": 2})]) == 0
    memory = json.loads(capsys.readouterr().out)
    assert 50e6 < memory["before"] <= memory["peak"]
    assert memory["inputs"] == tiny.input_bytes()


@pytest.mark.slow
def test_a_process_for_memory_that_dies_is_reported() -> None:
    with pytest.raises(DataError, match="2 frames ended with status"):
        memory_of(Spec("tiny", 2, "cpu", "auto", None, threads=0), "ours", "plain")


@pytest.mark.parametrize(("name", "unet", "vae"), [("sd15", 859.5e6, 83.7e6), ("sdxl", 2567.5e6, 83.7e6)])
def test_stable_diffusion_has_its_size(name: str, unet: float, vae: float) -> None:
    networks = make_networks(ARCHITECTURES[name], torch.device("meta"), torch.float16)
    for network, expected in ((networks.unet, unet), (networks.vae, vae)):
        assert sum(p.numel() for p in network.parameters()) == pytest.approx(expected, rel=1e-3)
        assert next(network.parameters()).dtype == torch.float16
    assert networks.vae_scale_factor == 8


def test_both_routes_run_with_the_text_that_sdxl_reads(tiny: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    xl = {"addition_embed_type": "text_time", "addition_time_embed_dim": 4, "projection_class_embeddings_input_dim": 32}
    small = replace(ARCHITECTURES["tiny"], unet={**ARCHITECTURES["tiny"].unet, **xl})
    monkeypatch.setattr("latentman.bench.denoise.model.ARCHITECTURES", {"sdxl": small})
    subject = make_subject("sdxl", frames=3, device=CPU, dtype="auto")
    assert subject.clip.text.pooled is not None
    with released(subject) as works:
        theirs = works["official_uncond"]()
    with ours(subject) as works:
        mine = works["official_uncond"]()
    assert isinstance(theirs, torch.Tensor)
    assert isinstance(mine, torch.Tensor)
    assert close(theirs, mine)


def test_the_box_walks_on_a_map_that_the_map_type_accepts() -> None:
    matches = walking_map(32, 40)  # it leaves the picture and comes in again
    for target, source in matches.pairs[1:]:
        assert len(target) == round(0.7 * 32) * round(0.2 * 32)
        assert ((source[:, 1] + 1) % 32 == target[:, 1]).all()
        assert len({tuple(cell) for cell in target.tolist()}) == len(target)


def test_only_weights_that_are_loaded_have_a_digest() -> None:
    assert set(weights_of("mini")) == {"model"}
    assert weights_of("sd15") == {}


def test_our_route_runs_without_the_pictures(tiny: Subject) -> None:
    bare = tiny.without_pictures()
    assert (bare.frames, bare.image_size) == (3, 16)
    with ours(tiny) as works:
        expected = works["direct"]()
    with ours(bare) as works:
        found = works["direct"]()
    assert isinstance(expected, torch.Tensor)
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, expected)


@pytest.mark.slow
def test_batches_of_frames_are_a_lever_of_the_direct_step(tiny: Subject) -> None:
    before = torch.backends.cudnn.benchmark
    rows = time_levers(tiny, ["cudnn", "micro2"], 1, dict.fromkeys(PARTS, 1.0))
    assert torch.backends.cudnn.benchmark == before
    assert [row.part for row in rows] == [*PARTS, "direct"]
    assert rows[-1].route == f"ours + {LEVERS['cudnn']} + {LEVERS['micro2']}"


def made_up(**changes: object) -> Results:
    gib = 2**30
    rows = tuple(
        Row(route, part, ms, (ms,), 17.0, 3 * gib, peak * gib)
        for route, part, ms, peak in [
            ("released", "plain", 180.0, 11), ("released", "official_uncond", 520.0, 60),
            ("released", "align", 1.0, 1), ("released", "decode", 300.0, 9),
            ("ours", "plain", 78.0, 4), ("ours", "direct", 390.0, 7), ("ours", "official_uncond", 500.0, 7),
            ("ours", "align", 1.0, 1), ("ours", "decode", 300.0, 4),
            ("ours + compiled", "plain", 49.0, 4), ("ours + compiled", "direct", 180.0, 7),
            ("ours + compiled", "align", 1.0, 1), ("ours + compiled", "decode", 300.0, 4),
        ]
    )  # fmt: skip
    videos = tuple(
        video
        for route, gradient in [
            ("released", "official_uncond"), ("ours", "direct"), ("ours + compiled", "direct"),
            ("ours + compiled", "official_uncond"),
        ]
        if (video := added_up(rows, route, gradient)) is not None
    )  # fmt: skip
    made = Results(
        model="sd15", device="cuda", card="a card", dtype="float16", frames=8, image_size=512, threads=1,
        matmul_tflops=740.0, rows=rows, videos=videos,
        clips=((8, Memory(1 * gib, 4 * gib, 1)), (64, Memory(1 * gib, 5 * gib, 8))),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def verdicts(results: Results) -> dict[str, str]:
    return {t.text: t.line().split(":")[0].removeprefix("- ") for t in targets(results)}


def test_the_whole_video_is_added_up_from_its_steps() -> None:
    results = made_up()
    theirs = results.video("released", "official_uncond")
    assert theirs is not None
    assert theirs.seconds == pytest.approx((50 * 180 + 50 * 520 + 40 * 1 + 300) / 1000)
    assert theirs.peak == 60 * 2**30
    assert not theirs.measured
    assert [(v.route, v.gradient) for v in results.videos][-1] == ("ours + compiled", "direct")  # no uncond there


def test_targets_of_a_card_look_at_our_quickest_route() -> None:
    found = verdicts(made_up())
    assert found["plain, our quickest route, ms a step:"] == "reached"
    assert found["direct, our quickest route, ms a step:"] == "reached"
    assert found["direct, our quickest route, ms a step, the goal:"] == "missed"
    assert found["official_uncond, our quickest route, ms a step:"] == "missed"
    assert found["whole video, direct / released, seconds:"] == "reached"
    assert found["whole video, direct / released, seconds, the goal:"] == "missed"
    assert found["our largest peak, GiB:"] == "reached"
    assert found["our peak with 64 frames, GiB:"] == "reached"


def test_elsewhere_targets_are_ratios() -> None:
    found = verdicts(made_up(model="mini", device="cpu"))
    assert found["direct, ours / released, milliseconds:"] == "reached"  # 390 of 520
    assert found["plain, ours / released, peak memory:"] == "reached"
    assert found["our peak memory, 64 frames / 8 frames:"] == "missed"  # 5 / 4


def test_what_does_not_fit_is_said_and_not_compared() -> None:
    rows = tuple(
        replace(row, ms=None, times=(), before=None, peak=None)
        if (row.route, row.part) == ("released", "official_uncond")
        else row
        for row in made_up().rows
    )
    results = made_up(rows=rows, videos=(), clips=((8, None), (64, None)))
    line = next(line for line in tables(results).splitlines() if "released | guided step" in line)
    assert "does not fit" in line
    found = verdicts(results)
    assert found["whole video, direct / released, seconds:"] == "not measured"
    assert found["our peak with 64 frames, GiB:"] == "not measured"


def test_the_floor_is_arithmetic_over_the_speed_of_a_product() -> None:
    line = next(line for line in tables(made_up()).splitlines() if line.startswith("| ours | step"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:7] == ["78", "× 0.43", "17", "23", "29%"]


@pytest.mark.slow
def test_the_command_writes_its_tables_and_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n", encoding="utf-8")
    numbers = tmp_path / "numbers.json"
    command = [
        "denoise",
        "--model",
        "tiny",
        "--device",
        "cpu",
        "--frames",
        "2",
        "--long",
        "0",
        "--repeats",
        "1",
        "--parts",
        "direct",
    ]
    assert main([*command, "--markdown", str(page), "--json", str(numbers)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert capsys.readouterr().out in text
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert [(row["route"], row["part"]) for row in found["rows"]] == [
        ("released", "official_uncond"),
        ("ours", "direct"),
    ]
    assert all(row["peak"] > row["before"] > 0 for row in found["rows"])
    made_with = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    assert "--repeats 1" in made_with["command"]
    assert made_with["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "sd51"], "sd15"),
        (["--frames", "1"], "reference"),
        (["--long", "1"], "0 to leave"),
        (["--repeats", "0"], "1 or more"),
        (["--model", "mini", "--image-size", "512"], "one size"),
        (["--model", "sd15", "--image-size", "500"], "multiple of 64"),
        (["--levers", "cudn"], "cudnn"),
        (["--dtype", "half"], "float16"),
        (["--json", "nowhere/at/all.json"], "folder that exists"),
        (["--markdown", "nowhere.md"], "end of table"),
        (["--fast"], "--help"),
    ],
)
def test_bad_options_are_refused_before_anything_is_measured(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        main(["denoise", *arguments])
