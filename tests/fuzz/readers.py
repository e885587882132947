"""Every reader of files, with a small whole file to begin with and what its header looks like."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import save

from latentman.body.smpl_model import _TREES, read_model
from latentman.diffusion.denoise import State
from latentman.files import image_file, json_file, mat_file, npz_file, run_file, yaml_file
from latentman.metrics.lpips import _read as read_lpips
from latentman.motion.learned.checkpoint import read_tensors
from latentman.motion.learned.statistics_file import read_array
from latentman.motion.learned.trajectory import read_trajectory
from latentman.networks.checkpoint import check_part, read_header
from latentman.networks.ip_adapter import read_picture
from latentman.pipeline.latent_file import read_latents, read_state, write_state
from latentman.record.jobs import sweep_jobs
from latentman.record.local import LocalRecord
from latentman.record.metrics_file import checked_metrics
from latentman.record.metrics_log import MetricsLog
from latentman.record.run_config import read_configuration
from latentman.record.status import read_status
from latentman.record.sweep_plan import PlannedJob, SweepPlan, read_plan
from latentman.report.collect import collect
from latentman.report.results import read_results, write_results
from latentman.report.tables.paper import read_paper
from latentman.study.answers import read_answers
from latentman.study.design import Design, Pair, Study, read_design
from latentman.study.exchange import import_answers
from latentman.system.paths import asset
from latentman.train.motion.bvh_captions import read_captions
from latentman.types import BodySequence, Camera, Conditions, Correspondence, Motion
from latentman.video import read_mp4, write_mp4
from tests.fuzz.mutations import (
    Mutation,
    array_values,
    csv_cells,
    digits,
    json_tree,
    npy_header,
    safetensors_header,
    text_edges,
    zip_members,
)


@dataclass(frozen=True)
class Reader:
    """One reader: the name of its file, a whole one, how it is read, what its header looks like, and how it is damaged."""

    file: str
    whole: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    header: Callable[[bytes], bool]
    structure: Sequence[Mutation]
    share: float = 1.0
    """Of the number of inputs; less for readers that start a program."""


def _npz(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def _npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _motion() -> Motion:
    return Motion(np.zeros((4, 22, 3)), 20.0, "a person walks", "procedural")


def _body() -> BodySequence:
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    return BodySequence(np.zeros((2, 4, 3), np.float32), faces, np.zeros((2, 22, 3), np.float32), np.array([1, 2]),
                        np.zeros((2, 3, 2), np.float32), 10.0)  # fmt: skip


def _conditions() -> Conditions:
    shape, camera = (2, 4, 4), Camera(np.eye(3), np.zeros(3), 4.0, 4.0, 2.0, 2.0, 4, 4)
    return Conditions(np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros((*shape, 3), np.uint8),
                      np.zeros(shape, bool), np.full(shape, -1, np.int32), np.zeros((*shape, 3), np.float32),
                      (camera, camera))  # fmt: skip


def _correspondence() -> Correspondence:
    empty, pair = np.zeros((0, 2), np.int32), np.array([[0, 1], [2, 3]], np.int32)
    return Correspondence(((empty, empty), (pair, pair)), 8, "prev", np.zeros(2), np.zeros(2, np.int64))


STATUS = {
    "format": 2, "kind": "run", "state": "done", "name": "run", "prompt": "a robot", "seed": 1, "num_frames": 2, "stage": None,
    "stages": {"motion": {"state": "done", "hash": "ab", "seconds": 1.5, "peak_memory_bytes": 1000}}, "choices": {"sla": "full"},
    "swept": {"seed": "1"}, "baseline": {"sla": "none"}, "weights": {"unet": "ab"}, "versions": {"latentman": "1"}, "error": None,
    "overrides": ["seed=1"], "commit": "ab", "command": "x", "started": "2026-01-01T00:00:00+00:00", "finished": None,
}  # fmt: skip
METRICS = {
    "human_mse": 1.5,
    "clip": None,
    "clip_reason": "no weights",
    "seconds_total": 2.0,
    "per_pair": {"human_mse": [1.0, None]},
}

DESIGN = Design(
    "a" * 16,
    1,
    "ours",
    1,
    (Study("b" * 16, "base", (Pair("c" * 16, False, "d" * 16, "e" * 16, "a robot", 1),)),),
    "q",
    "runs",
)


def _with_status(metrics: bytes) -> Callable[[Path], bytes]:
    def whole(folder: Path) -> bytes:
        (folder / "status.json").write_bytes(_dump(STATUS))
        return metrics

    return whole


def _answers(folder: Path) -> bytes:
    from latentman.study.answers import AnswerStore

    (folder / "answers.sqlite").unlink(missing_ok=True)
    store = AnswerStore(folder, DESIGN)
    begun = store.begin(None)
    store.answer(begun.participant, DESIGN.studies[0].pairs[0].code, "left", seconds=3.0, plays=1)
    store.close()
    database = sqlite3.connect(folder / "answers.sqlite")
    database.execute("PRAGMA journal_mode = DELETE")
    database.close()
    return (folder / "answers.sqlite").read_bytes()


def _torch() -> bytes:
    out = io.BytesIO()
    torch.save({"state_dict": {"a": torch.zeros(3, 4), "b": torch.ones(2)}, "step": 3}, out)
    return out.getvalue()


def _tensors() -> bytes:
    return save({"unet.a.lora_down.weight": torch.zeros(2, 4), "b": torch.ones(3)}, metadata={"format": "pt"})


def _state(folder: Path) -> bytes:
    write_state(folder / "whole.safetensors", State(3, torch.zeros(2, 4, 8, 8)))
    return (folder / "whole.safetensors").read_bytes()


def _picture(form: str) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    Image.fromarray(noise).save(out, form)
    return out.getvalue()


def _mat(folder: Path) -> bytes:
    import scipy.io

    out = io.BytesIO()
    scipy.io.savemat(out, {"a": np.arange(12.0).reshape(3, 4), "b": np.arange(5)})
    return out.getvalue()


def _parquet(folder: Path) -> bytes:
    (folder / "status.json").write_bytes(_dump(STATUS))
    (folder / "metrics.json").write_bytes(_dump(METRICS))
    write_results(folder / "whole.parquet", collect(folder))
    return (folder / "whole.parquet").read_bytes()


def _csv(folder: Path) -> bytes:
    (folder / "status.json").write_bytes(_dump(STATUS))
    (folder / "metrics.json").write_bytes(_dump(METRICS))
    return collect(folder).to_csv(index=False).encode()


def _video(folder: Path) -> bytes:
    write_mp4(folder / "whole.mp4", np.zeros((3, 32, 32, 3), np.uint8), 10, 20)
    return (folder / "whole.mp4").read_bytes()


def small_body() -> dict[str, Any]:
    """Return the arrays of a model of SMPL's layout with six vertices."""
    vertices = 6
    return {
        "v_template": np.zeros((vertices, 3)), "shapedirs": np.zeros((vertices, 3, 2)), "posedirs": np.zeros((vertices, 3, 207)),
        "J_regressor": np.ones((24, vertices)) / vertices, "weights": np.ones((vertices, 24)) / 24,
        "f": np.array([[0, 1, 2]]), "kintree_table": np.stack([np.array(_TREES["SMPL"]), np.arange(24)]),
    }  # fmt: skip


def _tokenizer(name: str) -> tuple[Callable[[Path], bytes], Callable[[Path], Any]]:
    source = asset("mini-sd", "tokenizer")

    def whole(folder: Path) -> bytes:
        for file in source.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return (source / name).read_bytes()

    return whole, lambda path: check_part(path.parent, "tokenizer")


def _plan() -> bytes:
    plan = SweepPlan("run", "x", None, "now", (PlannedJob(0, "00", ("seed=1",)), PlannedJob(1, "01", ("seed=2",))))
    return _dump({"format": 1, **asdict(plan)})


def _is_text(data: bytes) -> bool:
    return data[:1] in (b"{", b"[", b"-") or data[:20].isascii()


def _is(start: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(start)


def _constant(data: bytes) -> Callable[[Path], bytes]:
    return lambda folder: data


JSON, YAML, NPZ, NPY = (
    (json_tree, json_tree, digits, text_edges),
    (digits, text_edges),
    (zip_members, zip_members, array_values),
    (npy_header,) * 3,
)
TABLE, TENSORS = (csv_cells, csv_cells, text_edges), (safetensors_header,) * 3
PLAIN = {"a": 1, "b": [1, 2, {"c": "text"}], "d": {"e": None, "f": True}, "fps": 10}

READERS = {
    "json": Reader("x.json", _constant(_dump(PLAIN)), json_file.read_json, _is_text, JSON),
    "status": Reader("status.json", _constant(_dump(STATUS)), lambda p: (read_status(p.parent), LocalRecord.open(p.parent)), _is_text, JSON),
    "sweep of runs": Reader("status.json", _constant(_dump(STATUS)), lambda p: (sweep_jobs(p.parent), collect(p.parent)), _is_text, JSON),
    "metrics": Reader("metrics.json", _with_status(_dump(METRICS)), lambda p: (collect(p.parent), checked_metrics(p.parent)), _is_text, JSON),
    "metrics log": Reader("metrics.jsonl", _constant(b'{"event": "step", "step": 1}\n' * 5), lambda p: MetricsLog.open(p.parent), _is_text, JSON),
    "sweep plan": Reader("sweep.json", _constant(_plan()), lambda p: read_plan(p.parent), _is_text, JSON),
    "study design": Reader("design.json", _constant(_dump(asdict(DESIGN))), lambda p: read_design(p.parent), _is_text, JSON),
    "yaml": Reader("x.yaml", _constant(yaml.safe_dump(PLAIN).encode()), yaml_file.read_yaml, _is_text, YAML),
    "configuration": Reader("config.yaml", _constant(yaml.safe_dump(PLAIN).encode()), lambda p: read_configuration(p.parent), _is_text, YAML),
    "npz": Reader("x.npz", _constant(_npz({"a": np.arange(9.0), "b": np.str_("x")})), npz_file.read_npz, _is(b"PK"), NPZ),
    "npy": Reader("x.npy", _constant(_npy(np.arange(40.0))), npz_file.read_npy, _is(b"\x93NUMPY"), NPY),
    "statistics": Reader("Mean.npy", _constant(_npy(np.arange(40.0))), read_array, _is(b"\x93NUMPY"), NPY),
    "motion": Reader("x.npz", _constant(_npz(_motion().arrays())), run_file.read_motion, _is(b"PK"), NPZ),
    "body": Reader("x.npz", _constant(_npz(asdict(_body()))), run_file.read_body, _is(b"PK"), NPZ),
    "conditions": Reader("x.npz", _constant(_npz(_conditions().arrays())), run_file.read_conditions, _is(b"PK"), NPZ),
    "correspondence": Reader("x.npz", _constant(_npz(_correspondence().arrays())), run_file.read_correspondence, _is(b"PK"), NPZ),
    "SMPL model (npz)": Reader("x.npz", _constant(_npz(small_body())), read_model, _is(b"PK"), NPZ),
    "trajectory (npy)": Reader("x.npy", _constant(_npy(np.zeros((9, 2)))), lambda p: read_trajectory(str(p), 200), _is(b"\x93NUMPY"), NPY),
    "trajectory (csv)": Reader("x.csv", _constant(b"x,z\n0,1\n1,2\n2,3\n"), lambda p: read_trajectory(str(p), 200), _is_text, TABLE),
    "safetensors header": Reader("x.safetensors", _constant(_tensors()), read_header, lambda d: d[8:9] == b"{", TENSORS),
    "latents": Reader("x.safetensors", _state, lambda p: (read_state(p), read_latents(p)), lambda d: d[8:9] == b"{", TENSORS),
    "torch": Reader("x.pt", _constant(_torch()), lambda p: read_tensors(p, containers=True), _is(b"PK"), (zip_members,)),
    "torch (LPIPS)": Reader("x.pth", _constant(_torch()), read_lpips, _is(b"PK"), (zip_members,)),
    "tokenizer vocabulary": Reader("vocab.json", *_tokenizer("vocab.json"), _is_text, JSON),
    "tokenizer merges": Reader("merges.txt", *_tokenizer("merges.txt"), _is_text, (text_edges,)),
    "png": Reader("x.png", _constant(_picture("PNG")), image_file.read_image, _is(b"\x89PNG"), ()),
    "jpeg": Reader("x.jpg", _constant(_picture("JPEG")), image_file.read_image, _is(b"\xff\xd8"), ()),
    "webp": Reader("x.webp", _constant(_picture("WEBP")), image_file.read_image, _is(b"RIFF"), ()),
    "picture of an adapter": Reader("x.png", _constant(_picture("PNG")), lambda p: read_picture(p, 8), _is(b"\x89PNG"), ()),
    "video": Reader("x.mp4", _video, read_mp4, lambda d: d[4:8] == b"ftyp", (), share=0.03),
    "results (parquet)": Reader("results.parquet", _parquet, read_results, _is(b"PAR1"), ()),
    "results (csv)": Reader("results.csv", _csv, read_results, _is_text, TABLE),
    "paper": Reader("paper.csv", _constant(b"variant,human_mse,note\na,1.5,x\nb,2,\n"), read_paper, _is_text, TABLE),
    "answers (SQLite)": Reader("answers.sqlite", _answers, lambda p: read_answers(p.parent, DESIGN), _is(b"SQLite"), ()),
    "answers (csv)": Reader("answers.csv", _constant(b"design,study,participant,pair\na,b,c,d\n"), lambda p: import_answers(p, DESIGN), _is_text, TABLE),
    "captions (jsonl)": Reader("x.jsonl", _constant(b'{"name": "a", "captions": ["b"]}\n' * 3), read_captions, _is_text, JSON),
    "captions (csv)": Reader("x.csv", _constant(b"name,caption\na,b\nc,d\n"), read_captions, _is_text, TABLE),
    "mat": Reader("x.mat", _mat, lambda p: mat_file.read_mat(p, ("a", "b")), _is(b"MATLAB"), (), share=0.03),
}  # fmt: skip
