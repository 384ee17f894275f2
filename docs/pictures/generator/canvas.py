"""Writes SVG. It must not know what is drawn."""

from __future__ import annotations

from xml.sax.saxutils import escape

SANS = "-apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

THEMES = {
    "light": {
        "back": "#ffffff", "panel": "#f6f8fa", "line": "#d1d9e0", "text": "#1f2328", "muted": "#59636e",
        "blue": "#0969da", "green": "#1a7f37", "orange": "#bc4c00", "violet": "#8250df",
        "blue fill": "#ddf4ff", "green fill": "#dafbe1", "orange fill": "#fff1e5", "violet fill": "#fbefff",
    },
    "dark": {
        "back": "#0d1117", "panel": "#151b23", "line": "#3d444d", "text": "#f0f6fc", "muted": "#9198a1",
        "blue": "#4493f8", "green": "#3fb950", "orange": "#db6d28", "violet": "#ab7df8",
        "blue fill": "#121d2f", "green fill": "#12261e", "orange fill": "#2a1d12", "violet fill": "#211a2f",
    },
}


def number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


class Canvas:
    """A picture in one theme. Colors are names of THEMES, lengths are pixels."""

    def __init__(self, width: int, height: int, theme: str, title: str) -> None:
        self.colors = THEMES[theme]
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="{SANS}">',
            f"<title>{escape(title)}</title>",
        ]
        self.rect(0, 0, width, height, fill="back", radius=8)

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str = "panel", stroke: str | None = None,
             radius: float = 4, dash: bool = False) -> None:
        edge = f' stroke="{self.colors[stroke]}" stroke-width="1.5"' if stroke else ""
        edge += ' stroke-dasharray="5 4"' if dash else ""
        self.parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" rx="{number(radius)}" '
            f'fill="{self.colors[fill]}"{edge}/>'
        )

    def text(self, x: float, y: float, text: str, *, color: str = "text", size: float = 13, anchor: str = "start",
             bold: bool = False, mono: bool = False) -> None:
        style = f' font-family="{MONO}"' if mono else ""
        style += ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{number(x)}" y="{number(y)}" fill="{self.colors[color]}" font-size="{number(size)}" '
            f'text-anchor="{anchor}"{style}>{escape(text)}</text>'
        )

    def lines(self, x: float, y: float, texts: list[str], *, step: float = 17, **style: object) -> None:
        for row, text in enumerate(texts):
            self.text(x, y + row * step, text, **style)  # type: ignore[arg-type]

    def line(self, points: list[tuple[float, float]], *, color: str = "muted", width: float = 1.5, dash: bool = False,
             arrow: bool = False) -> None:
        path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dash else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{self.colors[color]}" stroke-width="{number(width)}" '
            f'stroke-linejoin="round"{dashes}/>'
        )
        if arrow:
            self.head(points[-2], points[-1], color)

    def head(self, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
        """Draws an arrow head at the end of a horizontal or vertical line."""
        (x, y), (dx, dy) = end, (end[0] - start[0], end[1] - start[1])
        length = max(abs(dx), abs(dy)) or 1
        dx, dy = dx / length * 8, dy / length * 8
        corners = [(x, y), (x - dx - dy / 2, y - dy + dx / 2), (x - dx + dy / 2, y - dy - dx / 2)]
        path = " ".join(f"{number(a)},{number(b)}" for a, b in corners)
        self.parts.append(f'<polygon points="{path}" fill="{self.colors[color]}"/>')

    def dot(self, x: float, y: float, *, color: str, radius: float = 5, hollow: bool = False) -> None:
        fill = self.colors["back" if hollow else color]
        self.parts.append(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="{fill}" '
            f'stroke="{self.colors[color]}" stroke-width="2"/>'
        )

    def svg(self) -> str:
        return "\n".join([*self.parts, "</svg>"]) + "\n"
