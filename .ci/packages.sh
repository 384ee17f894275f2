# Installs Debian packages. Sourced by the scripts of this folder; it must not install anything else.

# Makes sure that a command exists: need COMMAND [PACKAGE]
need() {
  local command=$1 package=${2:-$1} as_root=()
  if command -v "$command" >/dev/null; then return; fi
  if [ "$(id -u)" != 0 ]; then as_root=(sudo --non-interactive); fi
  if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "Missing: $command. Install the package $package, or run this as root on a system with apt-get." >&2
    exit 1
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package"
}
