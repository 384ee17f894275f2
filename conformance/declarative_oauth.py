"""Airbyte's declarative OAuth flow: from the `advanced_auth` of a specification to tokens in a configuration.

Modelled on the platform's DeclarativeOAuthFlow, DeclarativeOAuthSpecHandler, BaseOAuth2Flow and
OAuthConfigSupplier (airbytehq/airbyte-platform), which are Kotlin and render with Jinjava. Where Jinja differs, the
filters here do what Jinjava's do; where the platform would let a mistake pass, this is stricter. It must not know
anything about Zendesk or this connector.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import secrets
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jinja2
import jsonschema

MASK = "**********"
STATE_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
DEFAULT_KEYS = {
    "auth_code_key": "code",
    "client_id_key": "client_id",
    "client_secret_key": "client_secret",
    "redirect_uri_key": "redirect_uri",
    "scope_key": "scope",
    "state_key": "state",
}
REFERENCES = ("client_id", "client_secret", "auth_code", "state", "redirect_uri", "scope")
ENCODED = ("redirect_uri", "scope")
Json = dict[str, Any]


def url_encode(text: str) -> str:
    """Encodes a string like java.net.URLEncoder."""
    return urllib.parse.quote_plus(text, safe="*").replace("~", "%7E")


def code_challenge(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def old_code_challenge(text: str) -> str:
    """Returns the filter's result before 2026."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def renderer(challenge: Callable[[str], str]) -> jinja2.Environment:
    """Returns an environment with only the filters that the platform allows; an unknown variable is an error."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    environment.filters = {
        "urlencode": url_encode,
        "replace": lambda text, old, new: text.replace(old, new),
        "b64encode": lambda text: base64.b64encode(text.encode()).decode(),
        "codechallengeS256": challenge,
    }
    environment.tests = {}
    environment.globals = {}
    return environment


def put(config: Json, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        config = config.setdefault(name, {})
    config[path[-1]] = value


def get(config: Json, path: list[str]) -> Any:
    value: Any = config
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass
class Platform:
    """An Airbyte platform with this specification of a source."""

    spec: Json
    # The operator's settings for all users; without them, each user enters an OAuth client.
    instance_wide: Json | None
    # Replaces name resolution: returns the address of a host.
    resolve: Callable[[str], str]
    redirect_uri: str = "http://localhost:8000/auth_flow"
    challenge: Callable[[str], str] = code_challenge
    exchanges: list[Json] = field(default_factory=list)

    @property
    def _flow(self) -> Json:
        return self.spec["advanced_auth"]["oauth_config_specification"]

    def _properties(self, part: str) -> dict[str, Json]:
        return self._flow[part]["properties"]

    def shows_button(self, config: Json) -> bool:
        auth = self.spec["advanced_auth"]
        return get(config, auth["predicate_key"]) == auth["predicate_value"]

    def hidden_fields(self) -> set[tuple[str, ...]]:
        """Returns the fields that the form hides when it shows the button."""
        parts = ["complete_oauth_output_specification"]
        if self.instance_wide is not None:
            parts.append("complete_oauth_server_output_specification")
        return {tuple(one["path_in_connector_config"]) for part in parts for one in self._properties(part).values()}

    def _input(self, config: Json) -> Json:
        """Returns the input of the flow: from the form, from the operator, and from the specification."""
        parts = ["oauth_user_input_from_connector_config_specification"]
        if self.instance_wide is None:
            parts.append("complete_oauth_server_output_specification")
        given = {
            name: get(config, one["path_in_connector_config"])
            for part in parts
            for name, one in self._properties(part).items()
        }
        known = (self.instance_wide or {}) | given
        jsonschema.validate(known, self._flow["oauth_user_input_from_connector_config_specification"])
        for name in self._properties("complete_oauth_server_input_specification"):
            assert known.get(name), f"the flow needs {name}"
        return known | self._flow["oauth_connector_input_specification"]

    def _render(self, template: str, known: Json, **values: str) -> str:
        """Renders a template with the values under their names, as a parameter and as a value."""
        # Every value of the input becomes a string.
        texts = DEFAULT_KEYS | {name: one for name, one in known.items() if isinstance(one, str)}
        for name, value in values.items():
            texts[texts[f"{name}_key"]] = value
        for name in REFERENCES:
            key = texts[f"{name}_key"]
            if (value := texts.get(key)) is not None:
                texts[f"{name}_value"] = value
                texts[f"{name}_param"] = f"{key}={url_encode(value) if name in ENCODED else value}"
        return renderer(self.challenge).from_string(template).render(texts)

    def consent_url(self, config: Json) -> str:
        """Returns the URL that the button opens in the user's browser."""
        assert self.shows_button(config), "the form has no button"
        known = self._input(config)
        limits = known["state"]
        length = limits["min"] + secrets.randbelow(limits["max"] - limits["min"] + 1)
        state = "".join(secrets.choice(STATE_CHARACTERS) for _ in range(length))
        # The browser must not see the client secret.
        public = {name: one for name, one in known.items() if name != "client_secret"}
        return self._render(
            known["consent_url"], public, client_id=known["client_id"], redirect_uri=self.redirect_uri, state=state
        )

    def complete(self, config: Json, redirected_with: dict[str, str]) -> Json:
        """Returns the outputs of the flow, by the names of the specification, after the redirect back."""
        if redirected_with.get("error") == "access_denied":
            return {"request_succeeded": False, "request_error": "access_denied"}
        known = self._input(config)
        values = {
            "client_id": known["client_id"],
            "client_secret": known["client_secret"],
            "auth_code": redirected_with["code"],
            "redirect_uri": self.redirect_uri,
            "state": redirected_with["state"],
        }
        render = lambda template: self._render(template, known, **values)  # noqa: E731
        headers = {render(name): render(one) for name, one in known["access_token_headers"].items()}
        assert all(isinstance(one, str) for one in known["access_token_params"].values()), "the platform allows only strings"
        parameters = {render(name): render(one) for name, one in known["access_token_params"].items()}
        match headers.get("Content-Type"):
            case "application/x-www-form-urlencoded":
                body = "&".join(f"{name}={url_encode(one)}" for name, one in parameters.items())
            case _:
                body = json.dumps(parameters)
        answer = self._post(render(known["access_token_url"]), headers, body)
        self.exchanges.append(answer)
        return self._outputs(answer, known["extract_output"])

    def _post(self, url: str, headers: dict[str, str], body: str) -> Json:
        request = urllib.request.Request(self.resolve(url), data=body.encode(), headers=headers, method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())

    def _outputs(self, answer: Json, extract: list[str]) -> Json:
        found: Json = {}
        for path in extract:
            value = get(answer, path.split("."))
            assert value is not None, f"the response has no {path}"
            name = path.rsplit(".", 1)[-1]
            if name == "expires_in":
                date = datetime.now(UTC) + timedelta(seconds=int(str(value)))
                # As java.time.Instant writes it, which counts nanoseconds.
                found["token_expiry_date"] = date.strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z"
            found[name] = str(value)
        named = self._properties("complete_oauth_output_specification")
        outputs = {name: one for name, one in found.items() if name in named}
        jsonschema.validate(outputs, self._flow["complete_oauth_output_specification"])
        return outputs

    def saved(self, config: Json, outputs: Json | None = None) -> Json:
        """Returns the configuration as the platform saves it: with the outputs of the flow, without the operator's settings."""
        config = copy.deepcopy(config)
        for name, one in self._properties("complete_oauth_output_specification").items():
            if name in (outputs or {}):
                put(config, one["path_in_connector_config"], outputs[name])
        if self.instance_wide is not None:
            for one in self._properties("complete_oauth_server_output_specification").values():
                put(config, one["path_in_connector_config"], MASK)
        return config

    def for_the_connector(self, config: Json) -> Json:
        """Returns the configuration as a command of the connector receives it."""
        config = copy.deepcopy(config)
        if self.instance_wide is not None and self.shows_button(config):
            for name, one in self._properties("complete_oauth_server_output_specification").items():
                put(config, one["path_in_connector_config"], self.instance_wide[name])
        return config
