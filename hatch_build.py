"""Build step of the package: compiles the assignment solver where there is a C++ compiler, and continues without one.

``$CXX`` names the compiler, with arguments if need be; else c++, g++ or clang++ is taken. The library has a plain C
interface and no Python in it, so that one build serves every version of Python.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = "latentman/assignment/native"
LIBRARY = "certified.lib"
FLAGS = ["-std=c++17", "-O3", "-fno-math-errno", "-ffp-contract=off", "-fPIC", "-shared", "-fvisibility=hidden"]


class NativeBuildHook(BuildHookInterface[Any]):
    """Puts the compiled library next to its sources, and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files are gathered; ``version`` is ``standard`` or ``editable``."""
        if self.target_name != "wheel":
            return
        folder = Path(self.root) / SOURCES
        library = folder / LIBRARY
        problem = compile_library(folder, library)
        if problem is not None:
            library.unlink(missing_ok=True)
            self.app.display_warning(
                f"the solver 'certified' is left out, since it could not be compiled: {problem}\n"
                "solver=auto will use scipy, which is exact too, and slow on large pictures"
            )
            return
        build_data["artifacts"].append(f"{SOURCES}/{LIBRARY}")
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"


def compile_library(folder: Path, library: Path) -> str | None:
    """Compile the sources in ``folder`` to ``library``, and return None, or why that was not possible."""
    compiler = find_compiler()
    if compiler is None:
        return "no C++ compiler was found (c++, g++, clang++ or $CXX)"
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(scratch) / LIBRARY
        digest = f'-DSOURCE_DIGEST="{source_digest(folder)}"'
        command = [*compiler, *FLAGS, digest, str(folder / "certified.cpp"), "-o", str(built)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
            # A new file under the old name: a process that has the old library loaded keeps it.
            shutil.copyfile(built, library.with_suffix(".new"))
            library.with_suffix(".new").replace(library)
        except subprocess.CalledProcessError as error:
            return f"{shlex.join(compiler)} failed:\n{error.stderr.strip()[-2000:]}"
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
    return None


def find_compiler() -> list[str] | None:
    """Return the command of the C++ compiler, or None."""
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"], posix=sys.platform != "win32")
    found = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None)
    return [found] if found else None


def source_digest(folder: Path) -> str:
    """Return a digest of the sources: the library carries it, and is not used with other sources."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.?pp")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
