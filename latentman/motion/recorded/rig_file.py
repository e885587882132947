"""A rig of the user's own, from a YAML file.

::

    joints:
      pelvis: Hips                          # HumanML3D's name: the joint's name in the motion file
      spine2: [Spine, Spine1, 0.5]          # or a point between two of its joints
    up: y                                   # y or z; left out, it is found
    scale: 0.01                             # metres per unit of the file; left out, the legs show it

Spine joints, collars, toes, the pelvis, and one of neck and head may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentman.errors import ConfigError, DataError, nearest
from latentman.files.opening import missing_as
from latentman.files.yaml_file import read_yaml
from latentman.motion.recorded.rigs import JOINT_NAMES, Between, Rig, Source, locate
from latentman.system.paths import user_path

_KEYS = ("joints", "up", "scale")
_MOST_BYTES = 1_000_000
_ADVICE = "check motion.rig (--rig), or print a rig to fill in: latentman motion inspect FILE"


def read_rig(path: Path, names: Sequence[str], motion: Path) -> Rig:
    """Read a rig and check that the joints it names are among ``names``, those of the file ``motion``.

    Raises:
        ConfigError: if the file cannot be read, a key or joint is unknown or given twice, a value is not of the allowed
            kind, or two of HumanML3D's joints are given the same joint.
        DataError: if the motion lacks a joint that the rig names.
    """
    with missing_as(path, error=ConfigError, advice=_ADVICE):
        data = read_yaml(user_path(path), error=ConfigError, advice=_ADVICE, max_bytes=_MOST_BYTES)
    if not isinstance(data, dict) or not isinstance(data.get("joints"), dict):
        raise ConfigError(f"the rig {path} needs a mapping 'joints', such as 'joints: {{pelvis: Hips, ...}}'")
    for key in data:
        if key not in _KEYS:
            raise ConfigError(f"the rig {path}: '{key}' is unknown; allowed are {', '.join(_KEYS)}{_near(key, _KEYS)}")
    joints = {name: _source(path, name, value, names, motion) for name, value in data["joints"].items()}
    _check_distinct(path, joints, names)
    return Rig(str(path), joints, _up(path, data.get("up")), _scale(path, data.get("scale")))


def _source(path: Path, name: Any, value: Any, names: Sequence[str], motion: Path) -> Source:
    if name not in JOINT_NAMES:
        raise ConfigError(
            f"the rig {path}: '{name}' is not one of HumanML3D's joints {', '.join(JOINT_NAMES)}"
            f"{_near(name, JOINT_NAMES)}"
        )
    if isinstance(value, str):
        return _joint(path, name, value, names, motion)
    if (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(x, str) for x in value[:2])
        and isinstance(value[2], int | float)
        and 0 <= value[2] <= 1
    ):
        first, second = (_joint(path, name, each, names, motion) for each in value[:2])
        return Between(first, second, float(value[2]))
    raise ConfigError(f"the rig {path}: {name}: {value!r:.80} must be a joint's name, or [name, name, fraction 0 to 1]")


def _joint(path: Path, name: str, wanted: str, names: Sequence[str], motion: Path) -> str:
    """Return the joint of the motion that a rig means; prefixes, case and punctuation may differ."""
    for choice in (wanted, *wanted.split("|")):
        found = [each for each in names if each == choice] or [each for each in names if _plain(each) == _plain(choice)]
        if found and (found[0] == choice or _plain(choice)):
            return found[0]
    raise DataError(
        f"the rig {path}: {name}: {motion} has no joint '{wanted}'{_near(wanted, names)}\n"
        f"its joints: {', '.join(names)}"
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", re.sub(r"^(?:.*:|mixamorig\d*_?)", "", name, flags=re.IGNORECASE)).lower()


def _check_distinct(path: Path, joints: dict[str, Source], names: Sequence[str]) -> None:
    """Refuse two joints at one place: the bone between them would have no direction, or a limb would be missing."""
    owners: dict[object, str] = {}
    for name, source in joints.items():
        place = locate(source, names)
        if place in owners:
            raise ConfigError(
                f"the rig {path} gives both {owners[place]} and {name} the joint {source}; give each a joint of its "
                "own, or leave one out"
            )
        owners[place] = name


def _up(path: Path, value: Any) -> str | None:
    if value not in (None, "y", "z"):
        raise ConfigError(f"the rig {path}: up: {value} must be y or z; leave it out to have it found")
    return None if value is None else str(value)


def _scale(path: Path, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ConfigError(f"the rig {path}: scale: {value} must be a number above 0, metres per unit of the file")
    return float(value)


def _near(value: Any, choices: Sequence[str]) -> str:
    return nearest(str(value), choices)
