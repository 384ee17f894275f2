"""Starts the mock Zendesk API on this machine's loopback, and lists its events without the connector."""

import atexit
import json
import subprocess
import urllib.request

from checks import must
from messages import identity

EVENTS = 20_000
ACCESS_RECORDS = 3_000


class Sandbox:
    """A running mock API with `EVENTS` events. With a latency, a sync is slow enough to be interrupted."""

    def __init__(self, program, latency_ms=0):
        arguments = ["--events", str(EVENTS), "--rate-limit", "1000000", "--latency-ms", str(latency_ms)]
        arguments += ["--access-events", str(ACCESS_RECORDS), "--access-rate-limit", "0"]
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
        atexit.register(self.stop)
        self.base_url, config = self.read_greeting()
        self.config = {**config, "rate_limit_percentage": 100}
        self.ids = self.all_ids() if latency_ms == 0 else None

    def read_greeting(self):
        """Returns the base URL and the configuration with an access token."""
        base_url, lines = None, []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("export ZENDESK_BASE_URL="):
                base_url = line.split("=", 1)[1].strip()
            if line.startswith("{"):
                config = json.loads(line)
                if config["credentials"]["auth_type"] == "access_token":
                    must(base_url, "The sandbox did not print its address.", *lines)
                    return base_url, config
        must(False, "The sandbox ended before it printed a configuration.", *lines)

    def all_ids(self):
        token = self.config["credentials"]["access_token"]
        url, ids = f"{self.base_url}/api/v2/audit_logs?page[size]=100", []
        while url:
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                page = json.load(answer)
            ids += map(identity, page["audit_logs"])
            url = page["links"]["next"] if page["meta"]["has_more"] else None
        must(len(set(ids)) == EVENTS, f"The sandbox showed {len(set(ids))} events of {EVENTS}.")
        return sorted(ids)

    def access_ids(self):
        with urllib.request.urlopen(f"{self.base_url}/sandbox/access_records", timeout=30) as answer:
            return sorted(identity(json.loads(line)) for line in answer.read().decode().split("\n") if line)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
