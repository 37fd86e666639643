# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by the peers that Debian has: installs their packages, as root or with sudo.

# install_packages PEER PACKAGE ...: ends with 77 where they cannot be had.
install_packages() {
    local peer=$1
    shift
    if [ "$(dpkg-query -W -f='${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -c '^ii')" != $# ]; then
        local as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        "${as_root[@]}" apt-get update -q >&2 || true
        if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends "$@" >&2; then
            echo "$peer: Debian's $* cannot be installed here"
            exit 77
        fi
    fi
}
