#!/usr/bin/env bash
# Installs a set of pinned packages from PyPI into target/conformance, and prints the path of its Python.
#
#   bash conformance/packages.sh tools       the packages of requirements.txt
#   bash conformance/packages.sh protocol    the packages of requirements-protocol.txt
#
# There are two sets because the published protocol models and the CDK need different versions of pydantic. PYTHON may
# name the CPython 3.11 to use. An environment is created again when its requirements file changes.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

case "${1:-}" in
  tools) requirements=conformance/requirements.txt ;;
  protocol) requirements=conformance/requirements-protocol.txt ;;
  *)
    echo "usage: bash conformance/packages.sh tools|protocol" >&2
    exit 2
    ;;
esac
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  echo "The pinned packages need CPython 3.11, and $python is another version. Set PYTHON to the path of one." >&2
  exit 1
fi
environment=$PWD/target/conformance/$1
wanted=$(sha256sum <"$requirements")
if [ "$(cat "$environment/made-of" 2>/dev/null)" != "$wanted" ]; then
  echo "installing $requirements" >&2
  rm -rf "$environment"
  mkdir -p "$(dirname "$environment")"
  "$python" -m venv "$environment" >&2
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes -r "$requirements" >&2
  "$environment/bin/python" -m pip check --disable-pip-version-check >&2
  echo "$wanted" >"$environment/made-of"
fi
echo "$environment/bin/python"
