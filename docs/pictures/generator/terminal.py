"""Captures the demo, and draws the capture as a terminal. It must not invent a line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from canvas import MONO, number
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[3]
COMMAND = ["cargo", "run", "--quiet", "--locked", "--example", "demo"]
COLUMNS = 118
#: The largest number of rows of such a line; other lines have one row.
ROWS = {"CONNECTION_STATUS": 3, "LOG": 3}
#: Seconds between two lines.
PACE = 0.22


def capture() -> str:
    """Returns the output of a run of the demo."""
    done = subprocess.run(COMMAND, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return re.sub(r"/tmp/\.tmp\w+", "/tmp/demo", done.stdout)


def without_what_varies(text: str) -> str:
    """Returns the text without the parts that differ between runs: times, the port, numbers of requests."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r'"emitted_at":\d+', '"emitted_at":TIME', text)
    text = re.sub(r'"byte_estimate":\d+', '"byte_estimate":N', text)
    text = re.sub(r"after [\d.]+ s", "after TIME", text)
    text = re.sub(r"in [\d.]+ s, with [\d,]+ requests? and [\d.]+ \w+ received", "in TIME", text)
    text = re.sub(r" \d+ events? skipped: emitted before\.", "", text)
    return re.sub(r"is [\d.]+ \w+ old", "is AGE old", text)


def color(line: str) -> str:
    if line.startswith("$ "):
        return "#3fb950"
    if line.startswith("#"):
        return "#9198a1"
    for kind, tone in (("RECORD", "#79c0ff"), ("STATE", "#d2a8ff"), ("CONNECTION_STATUS", "#ffa657"), ("CATALOG", "#ffa657")):
        if line.startswith(f'{{"type":"{kind}"'):
            return tone
    return "#c9d1d9"


def wrapped(line: str) -> list[str]:
    """Returns the rows of a line. A truncated row ends with an ellipsis."""
    kind = re.match(r'\{"type":"(\w+)"', line)
    most = ROWS.get(kind[1], 1) if kind else 1
    cut = [line[start:start + COLUMNS] for start in range(0, len(line), COLUMNS)]
    if len(cut) > most:
        cut = [*cut[:most - 1], cut[most - 1][:-1] + "…"]
    return cut or [""]


def draw(text: str) -> str:
    """Draws the capture as an animation that ends with the whole text. Lines are truncated at the right edge."""
    source = ["$ cargo run --locked --example demo", *text.rstrip("\n").split("\n")]
    lines = [(row, color(line)) for line in source for row in wrapped(line)]
    width, step, top = 880, 15.5, 52
    height = top + len(lines) * step + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {number(height)}" width="{width}" '
        f'height="{number(height)}" role="img" font-family="{MONO}" font-size="11.5">',
        "<title>The demo in a terminal: check, discover, a full sync and an incremental one</title>",
        "<style>text{white-space:pre}.l{animation:show .01s linear both}@keyframes show{from{opacity:0}to{opacity:1}}"
        "@media (prefers-reduced-motion:reduce){.l{animation:none}}</style>",
        f'<rect width="{width}" height="{number(height)}" rx="8" fill="#0d1117"/>',
        f'<rect width="{width}" height="30" rx="8" fill="#21262d"/>',
        '<circle cx="18" cy="15" r="5.5" fill="#ff5f56"/><circle cx="36" cy="15" r="5.5" fill="#ffbd2e"/>'
        '<circle cx="54" cy="15" r="5.5" fill="#27c93f"/>',
        f'<text x="{width / 2:.0f}" y="19" fill="#9198a1" text-anchor="middle">cargo run --locked --example demo</text>',
    ]
    for row, (shown, tone) in enumerate(lines):
        if shown:
            parts.append(
                f'<text class="l" style="animation-delay:{row * PACE:.2f}s" x="14" y="{number(top + row * step)}" '
                f'fill="{tone}" xml:space="preserve">{escape(shown)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"
