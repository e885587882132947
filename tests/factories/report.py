"""Small, valid run folders with pictures that were drawn here, for tests of what reads them."""

import json

import numpy as np

from latentman.record.sweep_plan import PlannedJob, SweepPlan, write_plan
from latentman.report.collect import collect
from latentman.video import write_mp4, write_png_frames

BASELINE = {"sla": "none", "pwg": "none"}

SIX_PROMPTS = {
    ("none", "none"): {name: 20.0 + number for number, name in enumerate("abcdef")},
    ("full", "none"): {name: 10.0 + number for number, name in enumerate("abcdef")},
}
"""H_MSE of two variants at six prompts, as ``make_sweep`` takes it."""


def figure_masks(num_frames, size):
    """A walking figure of head, torso, arms and legs: part number 0 to 6 per pixel, (T, size, size)."""
    rows, cols = np.mgrid[:size, :size] / size
    masks = np.zeros((num_frames, size, size), np.uint8)
    for t in range(num_frames):
        phase = 2 * np.pi * t / num_frames
        x = 0.5 + 0.04 * np.sin(phase)
        for part, side in ((5, 1), (6, -1)):
            lean = 0.14 * side * np.sin(phase)
            masks[t][np.abs(cols - x - lean * (rows - 0.55) / 0.35) + 0.6 * np.maximum(0, 0.56 - rows) < 0.045] = part
            masks[t][(rows < 0.55) | (rows > 0.92)] = 0
        for part, side in ((3, 1), (4, -1)):
            lean = -0.2 * side * np.sin(phase) + 0.08 * side
            arm = (np.abs(cols - x - side * 0.09 - lean * (rows - 0.3) / 0.3) < 0.03) & (rows > 0.29) & (rows < 0.58)
            masks[t][arm] = part
        masks[t][(np.abs(cols - x) < 0.095 - 0.06 * (rows - 0.28)) & (rows > 0.27) & (rows < 0.6)] = 2
        masks[t][((cols - x) / 0.065) ** 2 + ((rows - 0.19) / 0.085) ** 2 < 1] = 1
    return masks


def draw(num_frames=8, size=96, noise=6.0, seed=0):
    """Video, depth, IUV and correspondence pictures, each (T, size, size, 3) uint8."""
    rng = np.random.default_rng(seed)
    masks = figure_masks(num_frames, size)
    rows, cols = np.mgrid[:size, :size] / size
    sky = np.stack([190 - 60 * rows, 205 - 50 * rows, 225 - 50 * rows], -1)
    street = np.stack([120 + 0 * rows, 112 + 20 * np.sin(40 * cols), 100 + 0 * rows], -1)
    scene = np.where((rows > 0.78)[..., None], street, sky)
    scene[(cols % 0.3 < 0.2) & (rows < 0.78) & (rows > 0.25 + 0.2 * np.sin(9 * cols))] = (150, 140, 132)
    palette = np.array(
        [(0, 0, 0), (224, 178, 150), (196, 36, 44), (196, 36, 44), (170, 30, 40), (34, 62, 150), (28, 50, 128)]
    )
    light = 0.75 + 0.35 * (1 - cols)
    video = np.where(masks[..., None] > 0, palette[masks] * light[..., None], scene)
    video = video + rng.normal(0, noise, (num_frames, 1, 1, 3)) * (masks[..., None] > 0) + rng.normal(0, 2, video.shape)
    depth = np.where(masks > 0, 120 + 15.0 * masks + 50 * np.cos(6 * (cols - 0.5)), 0)
    iuv = np.stack([masks * 36, np.where(masks > 0, rows * 255, 0), np.where(masks > 0, cols * 255, 0)], -1)
    field = np.stack([255 * rows, 200 * cols + 0 * rows, 255 * (1 - rows)], -1)
    check = ((rows * 24).astype(int) + (cols * 24).astype(int)) % 2 * 40
    tracked = np.where(masks[..., None] > 0, field + check[..., None] - 20, 0.45 * video)
    clips = {"video": video, "depth": np.repeat(depth[..., None], 3, -1), "iuv": iuv, "correspondence": tracked}
    return {name: np.clip(frames, 0, 255).astype(np.uint8) for name, frames in clips.items()}


def make_run(folder, *, prompt="a superhero in a red and blue suit walks in a street", human_mse=42.5, **fields):
    """Write the status, metrics and configuration of a run; ``pictures=True`` adds its clips."""
    pictures, num_frames = fields.pop("pictures", False), fields.get("num_frames", 8)
    state = fields.get("state", "done")
    sla, pwg = fields.pop("sla", "full"), fields.pop("pwg", "full")
    extra = fields.pop("metrics", {})
    stages = {
        name: {"state": "done", "hash": "0" * 16, "seconds": seconds, "peak_memory_bytes": memory}
        for name, seconds, memory in [
            ("motion", 0.6, 4.1e8), ("body", 2.4, 4.6e8), ("render", 3.1, 5.2e8), ("correspondence", 6.8, 6.0e8),
            ("load", 1.9, 9.1e8), ("denoise", 41.2, 1.46e9), ("video", 2.2, 1.1e9), ("metrics", 0.9, 6.1e8),
        ]
    }  # fmt: skip
    status = {
        "kind": "run", "state": state, "stage": None, "error": None, "warnings": [], "stages": stages,
        "choices": {"setup": "mini", "motion": "procedural", "sampler": "t2v_zero", "sla": sla, "pwg": pwg},
        "overrides": [], "swept": {}, "command": f"python -m latentman.run 'prompt={prompt}'", "prompt": prompt,
        "texts": {"prompt": prompt, "positive": prompt, "negative": "low quality, blurry", "motion": "a person walks"},
        "seed": 0, "num_frames": num_frames, "versions": {"latentman": "0.1.0", "torch": "2.13.0"},
        "commit": "1f2e3d4c", "weights": {"mini-sd": "9f8e7d6c5b4a39281706"}, "baseline": BASELINE, "name": "run",
        "started": "2026-11-23T20:00:00+00:00", "finished": "2026-11-23T20:01:00+00:00",
    }  # fmt: skip
    status.update(fields)
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps(status))
    (folder / "config.yaml").write_text(
        f"prompt: {json.dumps(prompt, ensure_ascii=False)}\nseed: {status['seed']}\nfps: 10\nsla:\n  name: {sla}\n"
    )
    if state == "done":
        rng = np.random.default_rng(1)
        pairs = None if human_mse is None else (human_mse * rng.uniform(0.7, 1.3, num_frames - 1)).tolist()
        metrics = {
            "human_mse": human_mse, "human_mse_official_uint8": 31.9, "human_mse_mesh": None,
            "human_mse_mesh_reason": "the mesh-exact correspondence is not part of this version",
            "figure_contrast": 31.2, "figure_overlap": 0.874, "num_matches": 48211, "parts_skipped": 3,
            "seconds_total": 59.1, "peak_memory_bytes": 1.46e9, "seconds_denoise": 41.2,
            "per_pair": {"human_mse": pairs},
        }  # fmt: skip
        if human_mse is None:
            metrics["human_mse_reason"] = "no two frames of the clip have matched pixels"
        (folder / "metrics.json").write_text(json.dumps({**metrics, **extra}))
    if pictures:
        add_pictures(folder, num_frames, noise=(human_mse or 1) / 4, seed=status["seed"])
    return folder


def add_pictures(folder, num_frames=8, **drawing):
    """Write the frames and the clips of a run."""
    clips = draw(num_frames, **drawing)
    write_png_frames(folder / "frames", clips["video"])
    write_mp4(folder / "video.mp4", clips["video"], fps=10, crf=17)
    write_mp4(folder / "conditions" / "depth.mp4", clips["depth"], fps=10, crf=17)
    write_mp4(folder / "conditions" / "iuv.mp4", clips["iuv"], fps=10, crf=17)
    write_mp4(folder / "correspondence.mp4", clips["correspondence"], fps=10, crf=17)


def make_sweep(root, scores, *, pictures=False, **fields):
    """Write a sweep over sla and pwg; ``scores`` maps (sla, pwg) to {prompt: H_MSE}."""
    for number, ((sla, pwg), by_prompt) in enumerate(scores.items()):
        job = root / f"{number:02d}_sla-{sla}_pwg-{pwg}"
        common = {
            "swept": {"sla": sla, "pwg": pwg},
            "sla": sla,
            "pwg": pwg,
            "name": "ablation",
            "pictures": pictures,
            **fields,
        }
        make_run(job, kind="job", **{**common, "pictures": False})
        for index, (prompt, value) in enumerate(by_prompt.items()):
            make_run(job / f"{index:02d}-prompt", prompt=prompt, human_mse=value, **common)
    return root


def make_windows(root, windows=("[0.0,0.4]", "[0.0,0.2]"), deltas=("0.1", "0.05", "1e-3")):
    """Write a sweep over windows and deltas with two prompts each, and return its results."""
    for number, (window, delta) in enumerate((w, d) for w in windows for d in deltas):
        for index in range(2):
            make_run(
                root / f"{number}{index}", name="windows", prompt=str(index), baseline={},
                swept={"sla.window": window, "pwg.delta": delta}, human_mse=10.0 * number + index,
            )  # fmt: skip
    return collect(root)


def make_search(root, values, *, prompts=1, **fields):
    """Write a search over pwg.delta with its plan; ``values`` has H_MSE and the contrast of each trial."""
    jobs = []
    for number, (human_mse, contrast) in enumerate(values):
        delta = f"{number / 100:g}"
        job = root / f"{number:02d}_pwg.delta-{delta}"
        jobs.append(PlannedJob(number, job.name, (f"pwg.delta={delta}",)))
        common = {"swept": {"pwg.delta": delta}, "name": "search", "baseline": {}, **fields}
        if prompts > 1:
            make_run(job, kind="job", **common)
        for index in range(prompts):
            make_run(
                job / f"{index:02d}-prompt" if prompts > 1 else job, prompt=f"prompt {index}",
                human_mse=human_mse + index, metrics={"figure_contrast": contrast}, **common,
            )  # fmt: skip
    objectives = {"human_mse": "minimize", "figure_contrast": "maximize"}
    write_plan(root, SweepPlan("search", "latentman run", None, "", tuple(jobs), objectives))
    return root
