"""Lists or reads the arrays of a mat file, in a process of its own: SciPy's reader can crash on a damaged one.

``python -m latentman.files.mat_process list FILE`` prints JSON, ``... read FILE NAME ...`` an npz file. Errors are one
line on stderr, with exit status 3.
"""

from __future__ import annotations

import io
import json
import sys

import numpy as np


def main(arguments: list[str]) -> int:
    """Carry out one command and return the exit status."""
    import scipy.io

    command, path, *names = arguments
    try:
        if command == "list":
            listed = {name: (tuple(map(int, shape)), str(kind)) for name, shape, kind in scipy.io.whosmat(path)}
            sys.stdout.write(json.dumps(listed))
            return 0
        found = scipy.io.loadmat(path, variable_names=names, chars_as_strings=False)
        out = io.BytesIO()
        np.savez(out, allow_pickle=False, **{name: np.asarray(found[name]) for name in names})
        sys.stdout.buffer.write(out.getvalue())
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
