"""A minimal browser for a consent page: opens a page, reads its form and presses a button.

It must not follow the redirect: the caller needs its target. Standard library only.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser

from connector import TIMEOUT_SECONDS


@dataclass
class Form(HTMLParser):
    """The only form of a page: its target, its fields, and the names and values of its buttons."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._button: tuple[str, str] | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "form":
                self.action, self.method = given["action"], given.get("method", "get")
            case "input":
                self.fields.append((given["name"], given.get("value", "")))
            case "select":
                self._select = given["name"]
            case "button":
                self._button = (given["name"], given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._button and data.strip():
            self.buttons[data.strip()] = self._button
            self._button = None
        elif self._select and data.strip():
            # The first option is the selected one.
            self.fields.append((self._select, data.strip()))
            self._select = None


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def press(url: str, button: str) -> str:
    """Opens the page at the URL, presses the button with this label, and returns the URL that the browser is redirected to."""
    with _OPENER.open(url, timeout=TIMEOUT_SECONDS) as page:
        form = Form()
        form.feed(page.read().decode())
    assert form.method == "post", form
    data = urllib.parse.urlencode([*form.fields, form.buttons[button]]).encode()
    try:
        with _OPENER.open(urllib.parse.urljoin(url, form.action), data=data, timeout=TIMEOUT_SECONDS) as answer:
            raise AssertionError(f"no redirect: {answer.status}")
    except urllib.error.HTTPError as redirect:
        assert redirect.code == 302, redirect.read()
        return redirect.headers["Location"]


def query(url: str) -> dict[str, str]:
    """Returns the query parameters of a URL."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, strict_parsing=True))
