"""Prints the table of docs/reliability.md from what a run of the fuzz part has counted."""

import json
import sys
from pathlib import Path


def main(path: str) -> None:
    rows = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    lines = [
        "| reader | inputs | past the header | refused in words | slowest, s | growth, MB |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['reader']} | {row['inputs']} | {row['header']} | {row['refused']} | {row['slowest_s']:.2f} | {row['growth'] / 1e6:.0f} |"
        for row in rows
    ]
    total = [sum(row[key] for row in rows) for key in ("inputs", "header", "refused")]
    lines.append(
        f"| all {len(rows)} readers | {total[0]} | {total[1]} | {total[2]} | {max(r['slowest_s'] for r in rows):.2f} | |"
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
