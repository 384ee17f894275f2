#!/usr/bin/env bash
# The steps of a release that need no registry and no forge. .github/workflows/release.yml calls them.
#
#   bash .ci/release.sh version [TAG]           prints the version; checks that TAG and CHANGELOG.md agree with it
#   bash .ci/release.sh package BINARY ARCHITECTURE DIRECTORY
#                                               writes the archive of a static binary to DIRECTORY
#   bash .ci/release.sh checksums DIRECTORY     writes DIRECTORY/SHA256SUMS
#   bash .ci/release.sh notes IMAGE             prints the text of the release page
#   bash .ci/release.sh check BINARY            runs these steps with a binary for this machine, and checks that errors are
#                                               noticed
#
# It must not publish or compile anything.
set -euo pipefail
cd "$(dirname "$0")/.."
name=source-zendesk-audit-logs

fail() {
  echo "$*" >&2
  exit 1
}

version() {
  local tag=${1:-} version
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
  if [ -n "$tag" ]; then
    [ "$tag" = "v$version" ] || fail "The tag is $tag, but Cargo.toml has the version $version."
    grep -q "^## $version — [0-9]" CHANGELOG.md || fail "CHANGELOG.md has no section for $version with a date."
  fi
  echo "$version"
}

package() {
  local binary=$1 architecture=$2 directory=$3 archive folder
  archive=$name-$(version)-linux-$architecture
  # A dynamically linked program has an interpreter or needed libraries.
  if readelf --dynamic --program-headers --wide "$binary" | grep -E 'NEEDED|INTERP' >/dev/null; then
    fail "$binary is not a static binary."
  fi
  folder=$(mktemp -d)
  mkdir -p "$directory" "$folder/$archive"
  install -m 0755 "$binary" "$folder/$archive/$name"
  install -m 0644 LICENSE README.md CHANGELOG.md "$folder/$archive/"
  # The same binary gives the same archive.
  tar --create --directory "$folder" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 "$archive" |
    gzip --no-name --best >"$directory/$archive.tar.gz"
  rm -r "$folder"
  echo "$directory/$archive.tar.gz"
}

checksums() {
  (cd "$1" && sha256sum -- *.tar.gz >SHA256SUMS && cat SHA256SUMS)
}

notes() {
  awk -v version="$(version)" '/^## / { shown = ($2 == version); next } shown' CHANGELOG.md
  # shellcheck disable=SC2016 # The backticks are Markdown.
  printf '\nImage: `%s`\n' "$1"
}

check() {
  local binary=$1 folder archive
  folder=$(mktemp -d)
  # shellcheck disable=SC2064 # The current value of the variable.
  trap "rm -rf '$folder'" EXIT
  archive=$(package "$binary" "$(uname -m)" "$folder")
  checksums "$folder" >/dev/null
  (cd "$folder" && sha256sum --check --strict SHA256SUMS && tar --extract --file "$archive")
  "${archive%.tar.gz}/$name" --version
  "${archive%.tar.gz}/$name" spec | python3 -c '
import json, sys
spec = next(m["spec"] for m in map(json.loads, sys.stdin) if m["type"] == "SPEC")
sys.exit(spec != json.load(open("spec.json")) and "The packaged binary has another spec.json.")'
  notes example.com/image@sha256:0 | grep '^- ' >/dev/null || fail "The release notes are empty."
  if (package "$(command -v bash)" other "$folder") >/dev/null 2>&1; then fail "A dynamic binary was packaged."; fi
  if (version v0.0.0) >/dev/null 2>&1; then fail "The tag of another version was accepted."; fi
  echo "release $(version): the archive is complete; a dynamic binary and a wrong tag are rejected"
}

case "${1:-}" in
  version | package | checksums | notes | check) "$@" ;;
  *) fail "usage: bash .ci/release.sh version|package|checksums|notes|check" ;;
esac
