"""Pickled and saved tables: ``.pkl`` of pose estimators, joblib's too, and ``.pt`` of PyTorch, without running them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentman.errors import DataError
from latentman.files.opening import FlawError, missing_as, open_file, reading, reason
from latentman.files.torch_file import read_torch
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

_REMEDY = "save motion.file as plain arrays (poses, trans, fps) with numpy.savez"


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
    with missing_as(path, advice="check motion.file"), reading(path, advice=_REMEDY), open_file(path) as file:
        try:
            file.seek(start)
            return load_records(file, names)
        except OSError:
            raise
        except RefusedNameError as error:
            raise DataError(
                f"motion.file={path} is refused: it names {error}, which is not plain data. Nothing of it was run; "
                f"{_REMEDY}"
            ) from error
        except PickleLimitError as error:
            raise DataError(f"motion.file={path} is refused: {error}; {_REMEDY}") from error
        except Exception as error:  # a damaged pickle may fail in any way
            raise FlawError(f"it is damaged or not a pickle ({reason(error)})") from error
    raise AssertionError  # reading() never swallows


def read_pt(path: Path, track: str | None) -> Recording:
    """Return the recording of a file of tensors, such as GVHMR's ``hmr4d_results.pt``.

    Raises:
        ConfigError: if ``track`` does not name a motion of the file.
        ShapeError: if an array has another shape than a pose.
        DataError: if the file is damaged, holds anything but tensors and plain data, or holds no poses.
    """
    with missing_as(path, advice="check motion.file"):
        content = read_torch(path, error=DataError, advice=_REMEDY, max_bytes=MOST_BYTES)
    return estimated_recording(path, content, track)
