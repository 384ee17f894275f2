"""Draws the pictures of the documentation: docs/pictures/*.svg and docs/plots/*.svg.

    python3 docs/pictures/generator             draws from the committed files: docs/plots/data, docs/pictures/demo.txt
    python3 docs/pictures/generator --capture   runs the demo first, and writes demo.txt
    python3 docs/pictures/generator --check     writes nothing: fails if a picture differs from its data, or demo.txt from
                                                a run of the demo

It needs Python 3.11 and nothing else; --capture and --check need cargo. The plots' data is measured by
`cargo bench --locked --bench extraction` and `--bench cost`, see docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import terminal
from canvas import THEMES
from diagrams import DIAGRAMS
from plots import PLOTS

DOCS = Path(__file__).resolve().parents[2]
CAPTURE = DOCS / "pictures" / "demo.txt"


def pictures() -> dict[Path, str]:
    """Returns the content of each picture by its path."""
    drawn = {DOCS / "pictures" / "demo.svg": terminal.draw(CAPTURE.read_text())}
    for folder, kinds in (("pictures", DIAGRAMS), ("plots", PLOTS)):
        for name, draw in kinds.items():
            for theme in THEMES:
                drawn[DOCS / folder / f"{name}-{theme}.svg"] = draw(theme)
    return drawn


def stale() -> list[str]:
    """Returns committed files that differ from their source, and pictures without a source."""
    drawn = pictures()
    committed = {path for folder in ("pictures", "plots") for path in (DOCS / folder).glob("*.svg")}
    wrong = [path for path, content in drawn.items() if path not in committed or path.read_text() != content]
    wrong += sorted(committed - set(drawn))
    found = [f"{path.relative_to(DOCS.parent)} is outdated: run python3 docs/pictures/generator" for path in wrong]
    captured, now = (terminal.without_what_varies(text) for text in (CAPTURE.read_text(), terminal.capture()))
    if captured != now:
        for before, after in zip(captured.splitlines(), now.splitlines()):
            if before != after:
                found.append(f"the demo printed:\n  {after}\ndocs/pictures/demo.txt has:\n  {before}")
                break
        found.append("docs/pictures/demo.txt is outdated: run python3 docs/pictures/generator --capture")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--capture", action="store_true")
    what.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        found = stale()
        print("\n".join(found) if found else "Every picture is up to date.")
        return 1 if found else 0
    if arguments.capture:
        CAPTURE.write_text(terminal.capture())
    for path, content in pictures().items():
        path.write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
