#!/usr/bin/env bash
# Checks the dependency tree against deny.toml with cargo-deny, which it installs into target/tools.
#
#   bash .ci/dependencies.sh
#
# Known vulnerabilities are checked only if the advisory database can be reached; REQUIRE_ADVISORIES=1 makes it a
# failure if it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=0.20.2
deny=target/tools/bin/cargo-deny
if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $wanted" ]; then
  cargo install --locked --root target/tools --version "$wanted" cargo-deny
fi
"$deny" --locked check bans licenses sources
if timeout 30 git ls-remote https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
  "$deny" --locked check advisories
elif [ "${REQUIRE_ADVISORIES:-0}" = 1 ]; then
  echo "The advisory database cannot be reached." >&2
  exit 1
else
  echo "NOT RUN: known vulnerabilities. The advisory database cannot be reached from this machine."
fi
