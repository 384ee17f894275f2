"""Draws the diagrams of docs/how-it-works.md. It must not read any file."""

from __future__ import annotations

from canvas import Canvas


def time_windows(theme: str) -> str:
    """Time windows and the look-back on a time line."""
    c = Canvas(880, 430, theme, "Time windows of a sync, and the look-back of the next one")
    c.text(30, 34, "A sync", bold=True, size=15)
    windows = [
        (40, 150, "green", "emitted"),
        (184, 130, "green", "emitted"),
        (308, 150, "blue", "head: emitted as it arrives"),
        (452, 120, "violet", "read ahead"),
        (566, 120, "violet", "read ahead"),
        (680, 160, None, "not requested yet"),
    ]
    for x, width, color, label in windows:
        c.rect(x, 62, width, 44, fill=f"{color} fill" if color else "back", stroke=color or "line", dash=color is None)
        words = label.split(": ")
        if len(words) == 2:
            c.text(x + width / 2, 81, words[0], anchor="middle", color=color, bold=True, size=12)
            c.text(x + width / 2, 97, words[1], anchor="middle", color=color, size=11)
        else:
            c.text(x + width / 2, 89, label, anchor="middle", color=color or "muted", size=12)
    c.text(40, 54, "Time windows. Neighbors overlap at their edges; ids decide what is emitted.", color="muted", size=12)
    c.line([(40, 128), (850, 128)], color="text", arrow=True)
    for x, label in ((40, "start_date"), (840, "now")):
        c.line([(x, 122), (x, 134)], color="text")
        c.text(x, 150, label, size=12, mono=True, anchor="start" if x < 100 else "end")
    c.text(440, 150, "created_at", size=12, mono=True, anchor="middle", color="muted")

    c.text(30, 196, "Its last STATE", bold=True, size=15)
    c.line([(40, 268), (850, 268)], color="text", arrow=True)
    c.rect(560, 238, 140, 30, fill="orange fill", stroke="orange")
    c.text(630, 258, "look-back: 10 min", anchor="middle", color="orange", size=12)
    for x, label, where in ((560, "seen_since", "middle"), (700, "created_at (cursor)", "start")):
        c.line([(x, 230), (x, 276)], color="text")
        c.text(x, 224, label, mono=True, size=12, anchor=where)
    c.text(40, 258, "everything up to here has been emitted", color="green", size=12)
    for x in (585, 612, 655, 690):
        c.dot(x, 268, color="muted")
    c.text(560, 296, "seen: the ids that were emitted since then", size=12, color="muted")

    c.text(30, 340, "The next sync", bold=True, size=15)
    c.line([(40, 392), (850, 392)], color="text", arrow=True)
    c.line([(560, 370), (840, 370)], color="blue", width=3, arrow=True)
    c.text(560, 360, "reads from seen_since", color="blue", size=12)
    for x in (585, 612, 655, 690):
        c.dot(x, 392, color="muted")
    c.dot(635, 392, color="orange")
    for x in (730, 765, 800):
        c.dot(x, 392, color="blue")
    c.dot(62, 418, color="muted")
    c.text(74, 422, "id is in the state: skipped", size=12)
    c.dot(262, 418, color="orange")
    c.text(274, 422, "appeared late, within the look-back: emitted", size=12)
    c.dot(562, 418, color="blue")
    c.text(574, 422, "new: emitted", size=12)
    return c.svg()


def page_path(theme: str) -> str:
    """The path of a page, from the plan to stdout."""
    c = Canvas(880, 470, theme, "The path of a page from a time window to stdout")

    def box(x: float, y: float, color: str, title: str, body: list[str]) -> None:
        c.rect(x, y, 190, 92, fill=f"{color} fill", stroke=color)
        c.text(x + 12, y + 22, title, bold=True, color=color)
        c.lines(x + 12, y + 42, body, size=12)

    top, bottom = 40, 330
    box(20, top, "blue", "Plan", ["cuts the span into time", "windows; several requests", "are in flight"])
    box(240, top, "blue", "Rate limiter", ["a request waits for its", "turn in every limit that", "Zendesk names"])
    box(460, top, "blue", "Request", ["GET /api/v2/audit_logs", "filter: the time window", "cursor: the last page's"])
    box(670, top, "blue", "Response", ["200 with a well-formed", "page? Anything else is not", "the end of the data"])
    for x in (210, 430, 650):
        c.line([(x, top + 46), (x + (30 if x < 600 else 20), top + 46)], arrow=True)

    c.rect(240, 175, 400, 112, fill="back", stroke="line", dash=True)
    c.text(252, 196, "What is not a page goes back to the rate limiter", bold=True, size=12)
    c.lines(252, 216, [
        "429: all requests pause until the time that Zendesk names",
        "5xx, lost connection, HTML, cut JSON: retry with backoff",
        "too much for the server: a shorter window, fewer pages",
        "behind one cursor, or a smaller page",
    ], size=12, color="muted")
    c.line([(690, top + 92), (690, 205), (642, 205)], color="orange", arrow=True)
    c.line([(335, 175), (335, top + 94)], color="orange", arrow=True)
    c.line([(795, top + 92), (795, bottom - 2)], color="green", arrow=True)
    c.lines(780, 252, ["has_more: false", "ends the window.", "Nothing else does."], size=11, color="muted", step=14, anchor="end")

    box(670, bottom, "green", "Records", ["found in the bytes of the", "page, which stay as they", "are"])
    box(460, bottom, "green", "Order", ["windows are emitted in", "ascending time; memory", "for later ones is bounded"])
    box(240, bottom, "green", "Ledger", ["an id that was emitted is", "skipped; a date never", "withholds a record"])
    box(20, bottom, "green", "stdout", ["RECORD lines by one writer,", "then the STATE that covers", "them"])
    for x in (670, 460, 240):
        c.line([(x, bottom + 46), (x - (20 if x > 600 else 30), bottom + 46)], arrow=True)
    c.text(20, 452, "A long sync is compared with the number of events that the API counts. What is missing is read again once.",
           size=12, color="muted")
    return c.svg()


def state_claims(theme: str) -> str:
    """What a STATE claims."""
    c = Canvas(880, 380, theme, "What a STATE message claims")
    c.text(30, 34, "stdout of a sync that is killed", bold=True, size=15)
    x = 30
    for kind, count in (("RECORD", 4), ("STATE 1", 1), ("RECORD", 3), ("STATE 2", 1), ("RECORD", 2)):
        for _ in range(count):
            state = kind.startswith("STATE")
            width = 74 if state else 66
            last = x > 640 and not state
            color = "violet" if state else "orange" if last else "green"
            c.rect(x, 56, width, 34, fill=f"{color} fill", stroke=color)
            c.text(x + width / 2, 77, kind, anchor="middle", color=color, size=12, mono=True)
            x += width + 5
    c.line([(838, 46), (838, 100)], color="orange", width=3)
    c.text(838, 40, "kill -9", color="orange", size=12, anchor="middle", bold=True)

    def bracket(start: float, end: float, y: float, text: str, color: str) -> None:
        c.line([(start, y - 8), (start, y), (end, y), (end, y - 8)], color=color)
        c.text(start, y + 18, text, color=color, size=12)

    bracket(30, 310, 112, "covered by STATE 1", "green")
    bracket(30, 602, 148, "covered by STATE 2: the next sync skips them by their ids or does not read them", "green")
    bracket(685, 822, 112, "in no STATE: the next", "orange")
    c.text(685, 147, "sync emits them again", color="orange", size=12)

    c.text(30, 212, "The state", bold=True, size=15)
    rows = [
        ('"created_at": "2026-11-23T06:50:00Z"', "The cursor: the newest created_at that was emitted."),
        ('"seen_since": "2026-11-23T06:40:00Z"', "The next sync begins to read here."),
        ('"seen": { "2026-11-23T06:45:10Z": [35436, 35437] }', "Ids emitted since then, at most 10,000: skipped."),
        ('"account": "acme"', "The account: another one is noticed, with a warning."),
        ('"filters": { … }', "The filters, if any: a change is noticed, with a warning."),
    ]
    for row, (field, meaning) in enumerate(rows):
        y = 228 + row * 28
        c.rect(30, y, 390, 23, fill="panel")
        c.text(40, y + 16, field, mono=True, size=11.5)
        c.text(436, y + 16, meaning, size=12.5)
    return c.svg()


DIAGRAMS = {"time-windows": time_windows, "page-path": page_path, "state-claims": state_claims}
