"""All checks of a motion at once.

A fit follows any joints without complaint, so what makes no sense is said before it; what only the body shows is said
after it, by :mod:`latentman.body.fit_check`. Every limit was chosen so that
neither the procedural source nor 202 recorded clips of the CMU database break it, except those that are broken:
climbing without a floor, and a few frames in which the tracking failed.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from latentman.motion.plausible import bones as bone_checks
from latentman.motion.plausible import movement, posture
from latentman.motion.plausible.finding import Finding
from latentman.motion.skeleton import Floats

log = logging.getLogger("latentman.motion")

_POSTURE = (posture.chest, posture.torso, posture.head, posture.knees, posture.elbows)
_BETWEEN_FRAMES = (movement.turning, movement.flips, movement.speed)


def examine(
    joints: Floats, fps: float, *, bones: Floats | None = None, rest: Floats | None = None
) -> tuple[Finding, ...]:
    """Return what is implausible in a motion, at most one finding of each kind.

    Args:
        joints: (T, 22, 3) metres, Y up.
        fps: frames a second.
        bones: (T, 22, 3) joints whose bones are measured instead, those before a retargeting made them the template's.
        rest: (22, 3) the rest pose that belongs to ``bones``, in any unit.
    """
    measured = joints if bones is None else bones
    by_check = check_all(joints, fps, measured)
    if rest is not None:
        by_check["as_at_rest"] = bone_checks.as_at_rest(measured, rest)
    return tuple(finding for finding in by_check.values() if finding is not None)


def check_all(joints: Floats, fps: float, bones: Floats) -> dict[str, Finding | None]:
    """Return what each check that needs no rest pose finds, by its name; the arguments are those of `examine`."""
    found = {check.__name__: check(joints) for check in _POSTURE}
    found |= {check.__name__: check(bones) for check in (bone_checks.constant, bone_checks.symmetric)}
    moving = (movement.floor, *(_BETWEEN_FRAMES if len(joints) > 1 else ()))
    return found | {check.__name__: check(joints, fps) for check in moving}


def warn(findings: tuple[Finding, ...], source: str, *, first: int = 0, advice: str | None = None) -> None:
    """Log each finding as one warning that names the ``source``, counting frames from ``first``.

    ``advice`` takes the place of the findings' own, which are for files.
    """
    for finding in findings:
        shown = finding if advice is None else replace(finding, advice=advice)
        log.warning("%s: %s", source, shown.text(first))
