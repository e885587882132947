"""Which rig a file's joints belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from latentman.errors import ConfigError, DataError, nearest
from latentman.motion.recorded.rigs import _RIGS, NEEDED, RIGS, Rig, locate


def missing(rig: Rig, names: Sequence[str]) -> list[str]:
    """Return the needed joints for which a file with these joint names has no source."""
    there = {joint for joint, source in rig.joints.items() if locate(source, names) is not None}
    lacking = [joint for joint in NEEDED if joint not in there]
    return lacking if {"neck", "head"} & there else [*lacking, "neck or head"]


def choose_rig(wanted: str, names: Sequence[str], path: Path) -> Rig:
    """Return the rig that ``motion.rig`` names, or for "auto" the one that explains most joints of the file.

    Args:
        wanted: "auto", a known rig's name, or the path of a YAML file.
        names: the joints of the file.
        path: the file, for messages.

    Raises:
        ConfigError: if there is no such rig, or its file is not valid.
        DataError: if the file lacks joints that the rig needs.
    """
    if wanted == "auto":
        rig = max(_RIGS, key=lambda rig: sum(locate(source, names) is not None for source in rig.joints.values()))
    elif wanted in RIGS:
        rig = RIGS[wanted]
    elif Path(wanted).suffix.lower() in (".yaml", ".yml"):
        from latentman.motion.recorded.rig_file import read_rig

        rig = read_rig(Path(wanted), names, path)
    else:
        known = ", ".join(RIGS)
        raise ConfigError(
            f"motion.rig='{wanted}' is unknown: choose auto, {known}, or a YAML file of your own"
            f"{nearest(wanted, ['auto', *RIGS])}"
        )
    lacking = missing(rig, names)
    if lacking:
        what = "no known rig fits; the nearest," if wanted == "auto" else "rig"
        raise DataError(
            f"{path}: {what} {rig.name}, finds nothing for {', '.join(lacking)} among the joints "
            f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}; known rigs are {', '.join(RIGS)}; "
            "write a YAML file with 'joints: {pelvis: Hips, ...}' and give it as motion.rig=FILE (--rig FILE)"
        )
    return rig
