"""Draws the plots from the CSV files in docs/plots/data. It must not measure."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from canvas import Canvas

DATA = Path(__file__).resolve().parents[2] / "plots" / "data"
EVENTS_PER_REQUEST = 100


def rows(name: str) -> list[dict[str, str]]:
    lines = (DATA / name).read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def thousands(value: float) -> str:
    return f"{value:,.0f}"


class Axes:
    """The area of a plot. `x` and `y` map values to pixels."""

    def __init__(self, canvas: Canvas, x: tuple[float, float], y: tuple[float, float], *, log: bool = False) -> None:
        self.canvas = canvas
        self.left, self.right, self.top, self.bottom = 80, 830, 72, 372
        self.scale = math.log10 if log else float
        self.range = [self.scale(value) for value in (*x, *y)]

    def x(self, value: float) -> float:
        low, high = self.range[:2]
        return self.left + (self.scale(value) - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        low, high = self.range[2:]
        return self.bottom - (self.scale(value) - low) / (high - low) * (self.bottom - self.top)

    def grid(self, xs: dict[float, str], ys: dict[float, str]) -> None:
        c = self.canvas
        for value, label in ys.items():
            c.line([(self.left, self.y(value)), (self.right, self.y(value))], color="line", width=1)
            c.text(self.left - 8, self.y(value) + 4, label, anchor="end", size=12, color="muted")
        for value, label in xs.items():
            c.line([(self.x(value), self.bottom), (self.x(value), self.bottom + 5)], color="muted", width=1)
            c.text(self.x(value), self.bottom + 20, label, anchor="middle", size=12, color="muted")
        c.line([(self.left, self.bottom), (self.right, self.bottom)], color="muted", width=1)


def first_sync(theme: str) -> str:
    """The duration of a first sync by the number of events and the plan."""
    c = Canvas(880, 430, theme, "Duration of a first sync by number of events and plan")
    data = rows("first-sync.csv")
    share = int(data[0]["share_percent"])
    c.text(30, 32, "Duration of a first sync", bold=True, size=16)
    c.text(30, 50, f"at {share} % of the account's rate limit, the default", size=12, color="muted")
    axes = Axes(c, (10_000, 100_000_000), (5 / 60, 5_000), log=True)
    axes.grid(
        {10**power: label for power, label in zip(range(4, 9), ("10,000", "100,000", "1 million", "10 million", "100 million"))},
        {1 / 6: "10 s", 1: "1 min", 10: "10 min", 60: "1 h", 600: "10 h", 2_880: "2 days"},
    )
    c.text(axes.right, 412, "events", anchor="middle", size=12, color="muted")
    plans: dict[str, list[dict[str, str]]] = {}
    for row in data:
        plans.setdefault(row["plan"], []).append(row)
    for (plan, measured), color, below in zip(plans.items(), ("blue", "green"), (False, True)):
        limit = int(measured[0]["requests_per_minute"])

        def minutes(events: float, limit: int = limit) -> float:
            return events / EVENTS_PER_REQUEST / (limit * share / 100)

        first = max(10_000, limit * share / 100 * EVENTS_PER_REQUEST / 12)
        c.line([(axes.x(e), axes.y(minutes(e))) for e in (first, 100_000_000)], color=color, width=2)
        for row in measured:
            c.dot(axes.x(int(row["events"])), axes.y(float(row["seconds"]) / 60), color=color, radius=4.5)
        at = 1_000_000 if below else 3_000_000
        label = f"{plan}, {thousands(limit)} requests per minute"
        x, y = axes.x(at), axes.y(minutes(at))
        c.text(x + (14 if below else -14), y + (22 if below else -10), label, color=color, size=13, bold=True,
               anchor="start" if below else "end")
    c.dot(100, 412, color="muted", radius=4.5)
    c.text(112, 416, "measured", size=12, color="muted")
    c.line([(190, 412), (220, 412)], color="muted", width=2)
    c.text(228, 416, "100 events per request at the share of the limit", size=12, color="muted")
    return c.svg()


def another_integration(theme: str) -> str:
    """Requests a minute with another integration joining."""
    c = Canvas(880, 430, theme, "Requests per minute while another integration joins and leaves")
    data = rows("another-integration.csv")
    step = int(data[1]["second"]) - int(data[0]["second"])
    end = int(data[-1]["second"]) + step
    c.text(30, 32, "Requests per minute, with another integration", bold=True, size=16)
    c.text(30, 50, "account limit 700 per minute, connector at its default share of 50 %", size=12, color="muted")
    axes = Axes(c, (0, end), (0, 800))
    axes.grid({60 * m: f"{m} min" for m in range(end // 60 + 1)}, {v: str(v) for v in range(0, 801, 200)})
    for value, label in ((700, "account limit"), (350, "connector's share")):
        c.line([(axes.left, axes.y(value)), (axes.right, axes.y(value))], color="orange", width=1, dash=True)
        c.text(axes.right, axes.y(value) - 6, label, color="orange", size=12, anchor="end")
    group = max(1, 15 // step)
    for name, color in (("connector", "blue"), ("other", "violet")):
        points = []
        for start in range(0, len(data), group):
            part = data[start:start + group]
            rate = sum(int(row[name]) for row in part) * 60 / (step * len(part))
            for edge in (int(part[0]["second"]), int(part[-1]["second"]) + step):
                points.append((axes.x(edge), axes.y(min(rate, 800))))
        c.line(points, color=color, width=2.5)
    c.line([(100, 412), (130, 412)], color="blue", width=2.5)
    c.text(138, 416, "connector", size=12, color="muted")
    c.line([(230, 412), (260, 412)], color="violet", width=2.5)
    c.text(268, 416, "another integration (mean of 15 s each)", size=12, color="muted")
    return c.svg()


def cost(theme: str) -> str:
    """The cost of a record against the HTTP floor."""
    c = Canvas(880, 200, theme, "Instructions per record, against the HTTP floor")
    data = {row["figure"]: float(row["value"]) for row in rows("cost.csv")}
    bars = [
        ("HTTP floor: fetches the pages, parses only the cursor, writes nothing", data["the HTTP floor's instructions a record"], "muted"),
        ("this connector: parses every page, deduplicates, writes RECORD messages", data["instructions a record"], "blue"),
    ]
    c.text(30, 32, "Instructions per record", bold=True, size=16)
    c.text(30, 50, "whole process, one request at a time; shorter is better", size=12, color="muted")
    widest = max(value for _, value, _ in bars)
    for row, (label, value, color) in enumerate(bars):
        y = 84 + row * 54
        c.text(30, y, label, size=13)
        c.rect(30, y + 8, max(value / widest * 720, 3), 20, fill=color, radius=3)
        c.text(38 + max(value / widest * 720, 3), y + 23, thousands(value), size=13, bold=True, color=color)
    return c.svg()


PLOTS = {"first-sync": first_sync, "another-integration": another_integration, "cost": cost}
