"""Settings of a mini training, and a caption."""

from latentman.train.mini.settings import MiniTraining, parse_settings

CAPTION = "an astronaut with orange gloves jumps on mars"


def settings(preset: str = "cpu_smoke", **changes: object) -> MiniTraining:
    pairs = {"out": "made", "preset": preset, "device": "cpu", **changes}
    return parse_settings("vae", [f"{key}={value}" for key, value in pairs.items()])
