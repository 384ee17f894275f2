"""Tests the button "Authenticate your account": Airbyte's flow results in a working configuration.

The platform is `declarative_oauth.py`, the user's browser `browser.py`, Zendesk the sandbox; specification, check and
reads are the real binary's.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pytest
from browser import press, query
from connector import TIMEOUT_SECONDS, Run, Sandbox, environment, program, run, write
from declarative_oauth import MASK, Platform, code_challenge, old_code_challenge, put, renderer

EVENTS = 300
CATALOG = {
    "streams": [
        {
            "stream": {"name": "audit_logs", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
        }
    ]
}
Json = dict[str, Any]


class Account:
    """A user's Airbyte, browser and Zendesk account."""

    def __init__(self, sandbox: Sandbox, folder: Path, instance_wide: bool) -> None:
        self.sandbox, self.folder = sandbox, folder
        client = sandbox.configs["client_credentials"]["credentials"]
        self.client = {name: client[name] for name in ("client_id", "client_secret")}
        [message] = run(["spec"], None).of_type("SPEC")
        self.spec = message["spec"]
        self.platform = Platform(self.spec, self.client if instance_wide else None, self.resolve)

    def resolve(self, url: str) -> str:
        """Returns the sandbox's address for the account's host, and fails for others."""
        host = "https://sandbox.zendesk.com/"
        assert url.startswith(host), url
        return f"{self.sandbox.base_url}/{url.removeprefix(host)}"

    def form(self, subdomain: str = "sandbox") -> Json:
        """Returns the form's content when the user presses the button."""
        credentials = {"auth_type": "refresh_token"}
        if self.platform.instance_wide is None:
            credentials |= self.client
        return {"subdomain": subdomain, "credentials": credentials}

    def authenticate(self, form: Json, button: str = "Allow") -> Json:
        """Presses the button of the form, and the one of the consent page; returns the outputs of the flow."""
        url = self.platform.consent_url(form)
        assert self.client["client_secret"] not in url
        redirect = press(self.resolve(url), button)
        assert redirect.startswith(self.platform.redirect_uri + "?"), redirect
        assert query(redirect)["state"] == query(url)["state"]
        return self.platform.complete(form, query(redirect))

    def command(self, name: str, saved: Json) -> Run:
        config = write(self.folder / "config.json", self.platform.for_the_connector(saved))
        arguments = [name, "--config", config]
        if name == "read":
            arguments += ["--catalog", write(self.folder / "catalog.json", CATALOG)]
        done = run(arguments, self.sandbox.base_url)
        assert done.code == 0, done.stdout
        self.assert_no_secret(done)
        return done

    def assert_no_secret(self, done: Run) -> None:
        shown = "\n".join([*(line for line in done.lines if '"type":"CONTROL"' not in line), done.stderr])
        issued = [answer[name] for answer in self.platform.exchanges for name in ("access_token", "refresh_token")]
        rotated = [control["credentials"][name] for control in controls(done) for name in ("access_token", "refresh_token")]
        for secret in [self.client["client_secret"], *issued, *rotated]:
            assert secret not in shown

    def assert_valid(self, config: Json) -> None:
        jsonschema.validate(config, self.spec["connectionSpecification"], format_checker=jsonschema.FormatChecker())

    def assert_works(self, saved: Json) -> list[Json]:
        """Runs a check and a whole sync; returns the configurations that the connector emitted."""
        checked = self.command("check", saved)
        [status] = checked.of_type("CONNECTION_STATUS")
        assert status["connectionStatus"]["status"] == "SUCCEEDED", status
        read = self.command("read", saved)
        assert read.records == self.sandbox.records()
        return controls(checked) + controls(read)


def controls(done: Run) -> list[Json]:
    return [message["control"]["connectorConfig"]["config"] for message in done.of_type("CONTROL")]


@pytest.fixture
def sandbox() -> Any:
    with Sandbox("--events", str(EVENTS)) as running:
        yield running


@pytest.mark.parametrize("subdomain", ["sandbox", " sandbox.zendesk.com", "https://sandbox.zendesk.com "])
@pytest.mark.parametrize("instance_wide", [False, True], ids=["own-client", "instance-wide-client"])
def test_the_button_results_in_a_sync(sandbox: Sandbox, tmp_path: Path, instance_wide: bool, subdomain: str) -> None:
    account = Account(sandbox, tmp_path, instance_wide)
    form = account.form(subdomain)
    outputs = account.authenticate(form)
    assert set(outputs) == {"access_token", "refresh_token", "token_expiry_date"}
    saved = account.platform.saved(form, outputs)
    account.assert_valid(saved)
    assert (saved["credentials"]["client_secret"] == MASK) == instance_wide
    # The first pair is valid, so it is not renewed and no configuration is emitted.
    assert account.assert_works(saved) == []


def test_the_form_hides_the_outputs_of_the_button_and_shows_the_rest(sandbox: Sandbox, tmp_path: Path) -> None:
    expected = {("credentials", name) for name in ("access_token", "refresh_token", "token_expiry_date")}
    client = {("credentials", name) for name in ("client_id", "client_secret")}
    assert Account(sandbox, tmp_path, False).platform.hidden_fields() == expected
    assert Account(sandbox, tmp_path, True).platform.hidden_fields() == expected | client
    other = sandbox.configs["client_credentials"]
    assert not Account(sandbox, tmp_path, False).platform.shows_button(other)


@pytest.mark.parametrize("challenge", [code_challenge, old_code_challenge])
def test_the_code_challenge_is_base64url_on_every_platform(
    sandbox: Sandbox, tmp_path: Path, challenge: Callable[[str], str]
) -> None:
    account = Account(sandbox, tmp_path, False)
    account.platform.challenge = challenge
    for _ in range(20):
        sent = query(account.platform.consent_url(account.form()))
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", sent["code_challenge"])
        assert sent["code_challenge"] == code_challenge(sent["state"])
        # RFC 7636: the characters of a verifier.
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", sent["state"])
    account.assert_works(account.platform.saved(account.form(), account.authenticate(account.form())))


@pytest.mark.parametrize("instance_wide", [False, True], ids=["own-client", "instance-wide-client"])
def test_an_emitted_configuration_is_saved_and_works(sandbox: Sandbox, tmp_path: Path, instance_wide: bool) -> None:
    account = Account(sandbox, tmp_path, instance_wide)
    form = account.form()
    saved = account.platform.saved(form, account.authenticate(form))
    tokens = set()
    for _ in range(3):
        put(saved, ["credentials", "token_expiry_date"], "2026-01-01T00:00:00Z")
        [control] = controls(account.command("read", saved))
        account.assert_valid(control)
        tokens |= {control["credentials"]["access_token"], control["credentials"]["refresh_token"]}
        # The platform saves the hidden fields like any others.
        saved = account.platform.saved(control)
        assert account.assert_works(saved) == [], "the new pair is not renewed"
    assert len(tokens) == 6, "each renewal returned a new pair"


def test_a_kill_after_a_renewal_leaves_a_configuration_that_works(sandbox: Sandbox, tmp_path: Path) -> None:
    account = Account(sandbox, tmp_path, False)
    form = account.form()
    saved = account.platform.saved(form, account.authenticate(form))
    put(saved, ["credentials", "token_expiry_date"], "2026-01-01T00:00:00Z")
    arguments = ["read", "--config", write(tmp_path / "config.json", saved)]
    arguments += ["--catalog", write(tmp_path / "catalog.json", CATALOG)]
    process = subprocess.Popen(
        [program("CONNECTOR"), *arguments],
        env=environment(sandbox.base_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"type":"CONTROL"' in line:
            process.send_signal(signal.SIGKILL)
            saved = account.platform.saved(json.loads(line)["control"]["connectorConfig"]["config"])
            break
    process.stdout.close()
    process.wait(TIMEOUT_SECONDS)
    assert account.assert_works(saved) == []


def test_a_user_who_declines_gets_no_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    account = Account(sandbox, tmp_path, False)
    outputs = account.authenticate(account.form(), "Deny")
    assert outputs == {"request_succeeded": False, "request_error": "access_denied"}
    assert account.platform.exchanges == []


@pytest.mark.parametrize(
    "subdomain",
    [
        "evil.example/",
        "evil.example#",
        "evil.example?",
        "evil.example:443/",
        "evil.example\\",
        "a@evil.example/",
        "https://evil.example/",
        "https://https://evil.example/x",
        "//evil.example/",
        "evil.example%2F",
        "acme.zendesk.com/agent/dashboard",
        "acme.zendesk.com.evil.example/",
        "{{ client_secret_value }}",
    ],
)
def test_no_subdomain_results_in_another_host(sandbox: Sandbox, tmp_path: Path, subdomain: str) -> None:
    account = Account(sandbox, tmp_path, False)
    url = account.platform.consent_url(account.form(subdomain))
    host = urllib.parse.urlsplit(url).netloc
    assert url.startswith(f"https://{host}/oauth/authorizations/new?")
    # The rest has only characters of a host name, so the URL either ends correctly or has no valid host.
    assert re.fullmatch(r"[A-Za-z0-9*._+%-]+\.zendesk\.com", host)


def test_the_platform_rejects_other_templates() -> None:
    for template in ["{{ a | lower }}", "{{ a is defined }}", "{{ range(3) }}", "{{ missing }}"]:
        with pytest.raises(jinja2.TemplateError):
            renderer(code_challenge).from_string(template).render({"a": "b"})
