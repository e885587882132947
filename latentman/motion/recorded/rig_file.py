"""A rig of the user's own, from a YAML file.

::

    joints:
      pelvis: Hips                          # HumanML3D's name: the joint's name in the BVH file
      spine2: [Spine, Spine1, 0.5]          # or a point between two of its joints
    up: y                                   # y or z; left out, it is found out
    scale: 0.01                             # metres per unit of the file; left out, the legs tell it

Spine joints, collars, toes, the pelvis, and one of neck and head may be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from latentman.errors import ConfigError, DataError, nearest
from latentman.motion.recorded.rigs import JOINT_NAMES, Between, Rig, Source, locate

_KEYS = ("joints", "up", "scale")


def read_rig(path: Path, names: Sequence[str], motion: Path) -> Rig:
    """Read a rig and check that the joints it names are among ``names``, those of the file ``motion``.

    Raises:
        ConfigError: if the file cannot be read, a key or joint is unknown, or a value is not of the allowed kind.
        DataError: if the motion lacks a joint that the rig names.
    """
    try:
        data = yaml.safe_load(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the rig {path}: {error.strerror}; check motion.rig (--rig)") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the rig {path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict) or not isinstance(data.get("joints"), dict):
        raise ConfigError(f"the rig {path} needs a mapping 'joints', such as 'joints: {{pelvis: Hips, ...}}'")
    for key in data:
        if key not in _KEYS:
            raise ConfigError(f"the rig {path}: '{key}' is unknown, it may hold {', '.join(_KEYS)}{_near(key, _KEYS)}")
    joints = {name: _source(path, name, value, names, motion) for name, value in data["joints"].items()}
    return Rig(str(path), joints, _up(path, data.get("up")), _scale(path, data.get("scale")))


def _source(path: Path, name: Any, value: Any, names: Sequence[str], motion: Path) -> Source:
    if name not in JOINT_NAMES:
        raise ConfigError(
            f"the rig {path}: '{name}' is none of HumanML3D's joints {', '.join(JOINT_NAMES)}{_near(name, JOINT_NAMES)}"
        )
    if isinstance(value, str):
        source: Source = value
    elif (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(x, str) for x in value[:2])
        and isinstance(value[2], int | float)
        and 0 <= value[2] <= 1
    ):
        source = Between(value[0], value[1], float(value[2]))
    else:
        raise ConfigError(f"the rig {path}: {name}: {value} must be a joint's name, or [name, name, fraction 0 to 1]")
    for wanted in [source] if isinstance(source, str) else [source.first, source.second]:
        if locate(wanted, names) is None:
            raise DataError(
                f"the rig {path}: {name}: {motion} has no joint '{wanted}'{_near(wanted, names)}\n"
                f"its joints: {', '.join(names)}"
            )
    return source


def _up(path: Path, value: Any) -> str | None:
    if value not in (None, "y", "z"):
        raise ConfigError(f"the rig {path}: up: {value} must be y or z; leave it out to have it found out")
    return None if value is None else str(value)


def _scale(path: Path, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ConfigError(f"the rig {path}: scale: {value} must be a number above 0, metres per unit of the file")
    return float(value)


def _near(value: Any, choices: Sequence[str]) -> str:
    return nearest(str(value), choices)
