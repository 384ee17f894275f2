#!/usr/bin/env bash
# Lints .github and the shell scripts, and checks that the linters find the errors of a broken workflow.
#
#   bash .ci/workflows.sh
#
# The linters are shellcheck and jactionlint, a fork of actionlint. actionlint itself has no package that contains the
# program. Both work offline. This script must not change any file outside target/.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/packages.sh

need shellcheck
environment=target/tools/workflows
wanted=$(sha256sum <.ci/requirements.txt)
if [ "$(cat "$environment/installed" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes -r .ci/requirements.txt
  echo "$wanted" >"$environment/installed"
fi
lint() {
  "$environment/bin/jactionlint" --strict-exit --no-hints --shellcheck="$(command -v shellcheck)" "$@"
}

mapfile -t scripts < <(git ls-files '*.sh' .ci/run conformance/run analytics/run)
shellcheck --shell=bash --external-sources "${scripts[@]}"
lint

# The linters must find each of these errors.
broken=$(mktemp -d)
trap 'rm -rf "$broken"' EXIT
cat >"$broken/broken.yml" <<'YAML'
name: broken
on: pull_request
jobs:
  broken:
    runs-on: ubuntu-24.04
    needs: absent
    steps:
      - uses: actions/checkout@v6.0.2
      - run: echo ${{ github.event.pull_request.title }}
      - run: cat $file
        env:
          file: ${{ steps.absent.outputs.file }}
YAML
if found=$(lint --oneline "$broken/broken.yml" 2>&1); then
  echo "The linter accepts a broken workflow." >&2
  exit 1
fi
for error in undefined-job-needs undefined-property unpinned-uses missing-permissions template-injection shellcheck; do
  if ! grep -q "\[$error\]" <<<"$found"; then
    printf 'The linter does not find the error %s:\n%s\n' "$error" "$found" >&2
    exit 1
  fi
done
echo "${#scripts[@]} scripts and $(find .github -name '*.yml' | wc -l) files of .github are clean; a broken workflow is not"
