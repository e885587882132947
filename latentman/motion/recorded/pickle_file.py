"""Pickled and saved tables: ``.pkl`` of pose estimators, joblib's too, and ``.pt`` of PyTorch, without running them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentman.errors import DataError
from latentman.motion.recorded.estimated import estimated_recording, unwrapped
from latentman.motion.recorded.mdm_results import is_mdm_results, mdm_recording
from latentman.motion.recorded.recording import Recording
from latentman.system.pickle_records import (
    JOBLIB_NAMES,
    MOST_BYTES,
    Names,
    PickleLimitError,
    RefusedNameError,
    load_records,
)

_REMEDY = "save plain arrays (poses, trans, fps) with numpy.savez"


def read_pkl(path: Path, track: str | None) -> Recording:
    """Return the recording of a pickled file of a pose estimator, or of MDM.

    Raises:
        ConfigError: if ``track`` does not name a motion of the file.
        ShapeError: if an array has another shape than a pose.
        DataError: if the file is damaged, names anything but plain data, or holds no poses.
    """
    content = unwrapped(read_content(path, JOBLIB_NAMES))
    read = mdm_recording if is_mdm_results(content) else estimated_recording
    return read(path, content, track)


def read_content(path: Path, names: Names, start: int = 0) -> Any:
    """Return what a pickle holds from a place in its file on: plain data, and records in place of arrays.

    Raises:
        DataError: if the file cannot be read, is damaged, or names anything but plain data.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            return load_records(file, names)
    except OSError as error:
        raise DataError(f"cannot read motion.file={path}: {error.strerror or error}; check the path") from error
    except RefusedNameError as error:
        raise DataError(
            f"motion.file={path} is refused: it names {error}, which is not plain data. Nothing of it was run; "
            f"{_REMEDY}"
        ) from error
    except PickleLimitError as error:
        raise DataError(f"motion.file={path} is refused: {error}; {_REMEDY}") from error
    except Exception as error:  # a damaged pickle may fail in any way
        raise DataError(
            f"motion.file={path} is damaged or not a pickle: {type(error).__name__}: {error}; {_REMEDY}"
        ) from error


def read_pt(path: Path, track: str | None) -> Recording:
    """Return the recording of a file of tensors, such as GVHMR's ``hmr4d_results.pt``.

    Raises:
        ConfigError: if ``track`` does not name a motion of the file.
        ShapeError: if an array has another shape than a pose.
        DataError: if the file is damaged, holds anything but tensors and plain data, or holds no poses.
    """
    import torch

    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise DataError(f"motion.file={path} has {size} bytes, more than {MOST_BYTES}; {_REMEDY}")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except DataError:
        raise
    except Exception as error:  # torch raises whatever the part of the file that is damaged makes it raise
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise DataError(f"cannot read motion.file={path} as tensors and plain data: {reason}; {_REMEDY}") from error
    return estimated_recording(path, content, track)
