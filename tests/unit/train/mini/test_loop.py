"""The training loop on a small real task: it ends with the same weights after any interruption."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from latentman.errors import ConfigError, DeviceMemoryError, NumericsError, RecordError, WeightsError
from latentman.train.mini.loop import learning_rate, step_generator, train
from latentman.train.mini.settings import MiniTraining, parse_settings
from latentman.train.mini.task import Batch, Outcome
from latentman.train.scenes import scene_set

CPU = torch.device("cpu")


class SumTask:
    """Learns to add four numbers; a device whose memory holds ``limit`` examples refuses more, as CUDA does."""

    name = "vae"

    def __init__(self, limit: int = 1000, width: int = 8) -> None:
        torch.manual_seed(0)
        self.modules = nn.ModuleDict({"sum": nn.Sequential(nn.Linear(4, width), nn.SiLU(), nn.Linear(width, 1))})
        self.limit = limit
        self.sizes: list[int] = []

    def draw(self, size: int, generator: torch.Generator) -> Batch:
        return {"numbers": torch.randn((size, 4), generator=generator)}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        numbers = batch["numbers"]
        self.sizes.append(len(numbers))
        if len(numbers) > self.limit:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {len(numbers)} GiB")
        return {"loss": (self.modules["sum"](numbers) - numbers.sum(1, keepdim=True)).pow(2).mean()}

    def show(self, average: nn.ModuleDict, folder: Path, step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{step}.txt").write_text("seen")


class InterruptionError(Exception):
    """Stands for anything that ends a process."""


class StopsTask(SumTask):
    """Is interrupted in the middle of step 13."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if len(self.sizes) == 12:
            raise InterruptionError
        return super().losses(batch)


class DivergesTask(SumTask):
    """Becomes non-finite after seven steps."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        loss = super().losses(batch)["loss"]
        return {"loss": loss * float("inf") if len(self.sizes) > 7 else loss}


class DiskFillsTask(SumTask):
    """From step 7 on, this process cannot write files of more than 2,000 bytes."""

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if len(self.sizes) == 6:
            import resource
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        return super().losses(batch)


def settings(out: Path, **changes: object) -> MiniTraining:
    pairs = {"out": out, "preset": "cpu_smoke", "device": "cpu", "vae.steps": 20, "vae.save_every": 5}
    pairs |= {key.replace("__", "."): value for key, value in changes.items()}
    return parse_settings("vae", [f"{key}={value}" for key, value in pairs.items()])


def run(out: Path, task: SumTask | None = None, **changes: object) -> Outcome:
    told = settings(out, **changes)
    return train(task or SumTask(), told.vae, told, out / "vae", CPU, lambda done, total: None)


def weights(outcome: Outcome) -> Iterator[Tensor]:
    return outcome.average.parameters()


def same(one: Outcome, other: Outcome) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "vae" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_loss_falls_and_every_log_line_holds_the_measurements(tmp_path: Path) -> None:
    run(tmp_path, vae__steps=60, vae__learning_rate=0.03)
    told = lines(tmp_path)
    assert [line["step"] for line in told] == [10, 20, 30, 40, 50, 60]
    assert told[-1]["loss"] < 0.5 * told[0]["loss"]
    assert {"learning_rate", "seconds", "examples_per_second", "peak_memory_bytes"} <= set(told[0])
    assert (tmp_path / "vae" / "pictures" / "30.txt").exists()


def test_an_interrupted_training_ends_with_the_same_bytes(tmp_path: Path) -> None:
    with pytest.raises(InterruptionError):
        run(tmp_path / "cut", StopsTask())
    assert same(run(tmp_path / "cut"), run(tmp_path / "whole"))


@pytest.mark.slow
def test_it_stops_at_its_time_limit_and_continues_to_the_same_weights(tmp_path: Path) -> None:
    pieces = [run(tmp_path / "pieces", minutes=1e-9) for _ in range(20)]
    assert [piece.finished for piece in pieces] == [False] * 19 + [True]
    assert same(pieces[-1], run(tmp_path / "whole"))


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    assert not same(run(tmp_path / "a"), run(tmp_path / "b", seed=1))


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_batch_too_large_for_memory_is_split_with_the_same_result(tmp_path: Path, limit: int) -> None:
    task = SumTask(limit)
    small = run(tmp_path / "small", task)
    assert max(task.sizes[-8:]) <= limit
    for one, other in zip(weights(small), weights(run(tmp_path / "large")), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_the_number_of_parts_is_kept(tmp_path: Path) -> None:
    run(tmp_path, SumTask(limit=2), minutes=1e-9)
    task = SumTask(limit=2)
    run(tmp_path, task)
    assert max(task.sizes) == 2


def test_memory_too_small_for_one_example_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DeviceMemoryError, match="a single example does not fit into the device's memory"):
        run(tmp_path, SumTask(limit=0))


@pytest.mark.slow
def test_a_full_disk_keeps_the_previous_state_and_reports_what_to_do(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    code = f"from {__name__} import *\nrun(Path({str(tmp_path)!r}), DiskFillsTask())"
    checkout = Path(__file__).resolve().parents[4]
    environment = {**command_environment, "PYTHONPATH": os.pathsep.join([str(checkout), *sys.path])}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert f"{RecordError.__name__}: cannot write {tmp_path / 'vae' / 'state.pt'}" in ended.stderr
    assert "is at step 10; the previously saved state is intact: free" in ended.stderr
    assert torch.load(tmp_path / "vae" / "state.pt", weights_only=True)["step"] == 5
    assert not list((tmp_path / "vae").glob(".partial*"))
    assert same(run(tmp_path), run(tmp_path / "whole"))


def test_a_folder_with_other_settings_is_refused_with_the_different_keys(tmp_path: Path) -> None:
    run(tmp_path, minutes=1e-9)
    with pytest.raises(ConfigError, match=r"vae\.batch was 8 and is 4, vae\.learning_rate was 0\.002 and is 0\.1;"):
        run(tmp_path, vae__learning_rate=0.1, vae__batch=4)


def test_a_training_on_another_world_is_refused(tmp_path: Path) -> None:
    run(tmp_path, minutes=1e-9)
    path = tmp_path / "vae" / "state.pt"
    content = torch.load(path, weights_only=True)
    settings = json.loads(content["settings"])
    # The first world's format was not recorded.
    assert settings.pop("scenes.format") == scene_set.FORMAT
    torch.save({**content, "settings": json.dumps(settings)}, path)
    with pytest.raises(ConfigError, match=rf"scenes\.format was 1 and is {scene_set.FORMAT}; choose another out="):
        run(tmp_path)


def test_the_saving_interval_may_change(tmp_path: Path) -> None:
    run(tmp_path, minutes=1e-9)
    assert run(tmp_path, vae__save_every=7, vae__log_every=3, threads=1).finished


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other", "code"])
def test_a_damaged_state_is_named(tmp_path: Path, damage: str) -> None:
    run(tmp_path, minutes=1e-9)
    path = tmp_path / "vae" / "state.pt"
    content = path.read_bytes()
    if damage in ("cut", "noise", "empty"):
        path.write_bytes({"cut": content[: len(content) // 2], "noise": b"?" * 1000, "empty": b""}[damage])
    elif damage == "other":
        torch.save({**torch.load(path, weights_only=True), "modules": {}}, path)
    else:
        torch.save({"path": Path("x")}, path)
    with pytest.raises(WeightsError, match=r"vae/state\.pt is not a checkpoint .* delete it to restart the part"):
        run(tmp_path)


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    run(tmp_path, minutes=1e-9)
    path = tmp_path / "vae" / "state.pt"
    torch.save({**torch.load(path, weights_only=True), "format": 99}, path)
    with pytest.raises(WeightsError, match="format 99"):
        run(tmp_path)


def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path) -> None:
    with pytest.raises(NumericsError, match=r"vae: the loss is no longer finite at step 10: lower vae\.learning_rate"):
        run(tmp_path, DivergesTask())
    state = torch.load(tmp_path / "vae" / "state.pt", weights_only=True)
    assert state["step"] == 5
    assert all(value.isfinite().all() for value in state["modules"].values())


def test_lines_of_other_settings_are_removed_from_the_log(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "vae" / "state.pt").unlink()
    run(tmp_path, vae__learning_rate=0.1)
    assert [line["step"] for line in lines(tmp_path)] == [10, 20]
    assert max(line["learning_rate"] for line in lines(tmp_path)) > 0.01


def test_the_rate_warms_up_and_falls(tmp_path: Path) -> None:
    cfg = settings(tmp_path, vae__steps=100, vae__warmup=10).vae
    rates = [learning_rate(step, cfg) for step in range(100)]
    assert rates[0] < 0.11 * cfg.learning_rate
    assert 5 <= rates.index(max(rates)) <= 12
    assert 0 < rates[-1] < 0.03 * cfg.learning_rate


def test_the_random_numbers_of_a_step_depend_on_seed_part_and_step() -> None:
    drawn = [
        torch.rand((), generator=step_generator(*about, CPU)).item()
        for about in [(0, "vae", 1), (1, "vae", 1), (0, "t2i", 1), (0, "vae", 2), (0, "vae", 1)]
    ]
    assert len(set(drawn)) == 4
    assert drawn[0] == drawn[-1]


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "vae").write_text("a file")
    with pytest.raises(RecordError, match="cannot make the folder"):
        run(tmp_path)
