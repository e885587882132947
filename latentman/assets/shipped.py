"""What ships inside the package, and its seal: the hash of every file when it was sealed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from latentman.files.json_file import read_json_object
from latentman.files.opening import read_text
from latentman.system.paths import asset, write_json

SEAL = "seal.json"


def shipped() -> list[Path]:
    """Return the folders of what ships inside the package, each with its CARD.md."""
    return sorted(card.parent for card in asset().glob("*/CARD.md"))


def licence(folder: Path) -> str:
    """Return what the folder's card says after ``Licence:``, or where to look."""
    for line in read_text(folder / "CARD.md").splitlines():
        if line.startswith("Licence:"):
            return line.removeprefix("Licence:").strip()
    texts = [path.name for path in sorted(folder.glob("LICENSE*"))]
    return f"see {(texts or ['CARD.md'])[0]} there"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every data file of a shipped folder, by its path below it."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".md", ".pyc"))
    found = {}
    for file in files:
        with file.open("rb") as opened:
            found[file.relative_to(folder).as_posix()] = hashlib.file_digest(opened, "sha256").hexdigest()
    return found


def sealed() -> dict[str, dict[str, str]]:
    """Return the hashes that every shipped folder should have."""
    data: dict[str, dict[str, str]] = read_json_object(asset(SEAL))
    return data


def damage(folder: Path) -> list[str]:
    """Return the files of a shipped folder that are missing or have changed since they were sealed."""
    wanted, found = sealed().get(folder.name, {}), digests(folder)
    return [name for name, digest in wanted.items() if found.get(name) != digest]


def folder_hash(folder: Path) -> str:
    """Return one short hash for a sealed folder."""
    text = json.dumps(sealed().get(folder.name, {}), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def seal() -> Path:
    """Write the hashes of what ships now; run once after every change of what ships."""
    write_json(asset(SEAL), {folder.name: digests(folder) for folder in shipped()})
    return asset(SEAL)
