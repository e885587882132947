"""``results.npy`` of MDM's generation script: a pickled table of joints, texts and lengths of all samples.

``motion`` is (N, 22, 3, T) in metres, Y up, 20 frames a second for models of HumanML3D (Tevet et al., ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentman.errors import DataError, ShapeError
from latentman.motion import humanml3d
from latentman.motion.recorded.arrays import numbers
from latentman.motion.recorded.recording import Recording
from latentman.motion.recorded.tracks import choose_track
from latentman.system.pickle_arrays import to_array
from latentman.types import NUM_JOINTS


def is_mdm_results(content: Any) -> bool:
    """Return whether a table is one of MDM's results."""
    return isinstance(content, Mapping) and "motion" in content


def mdm_recording(path: Path, content: Mapping[str, Any], track: str | None) -> Recording:
    """Return the recording of one sample.

    Args:
        path: the file, for messages.
        content: ``motion`` (N, J, 3, T), and if the file has them ``lengths`` (N,) and N ``text``.
        track: the sample's number; None takes the first.

    Raises:
        ConfigError: if there is no such sample.
        ShapeError: if the motions have another shape.
        DataError: if they are not arrays.
    """
    try:
        motions = numbers(path, "motion", to_array(content["motion"]))
        lengths = to_array(content["lengths"]).reshape(-1) if "lengths" in content else None
    except ShapeError:
        raise
    except Exception as error:  # whatever the parts of a made-up array do not allow
        raise DataError(f"{path} is damaged: its motions are not an array of numbers ({error})") from error
    if motions.ndim != 4 or motions.shape[1] < NUM_JOINTS or motions.shape[2] != 3 or len(motions) == 0:
        raise ShapeError(f"{path}: motion: expected (samples, {NUM_JOINTS}, 3, frames) of joints, got {motions.shape}")
    texts = content.get("text")
    texts = [str(text) for text in texts] if isinstance(texts, list) else []
    names = [f"{i} {texts[i]}" if i < len(texts) else str(i) for i in range(len(motions))]
    number = choose_track(path, names, track, what="sample", otherwise=0)
    motion = motions[number].transpose(2, 0, 1)
    if lengths is not None and len(lengths) == len(motions) and lengths.dtype.kind in "iu":
        motion = motion[: max(0, int(lengths[number]))]
    known = motions.shape[1] == NUM_JOINTS
    return Recording(
        path=path,
        joints=np.ascontiguousarray(motion),
        rate=humanml3d.FPS if known else None,
        usual_rate=humanml3d.FPS,
        text=(texts[number].strip() or None) if number < len(texts) else None,
    )
