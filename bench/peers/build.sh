#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: every peer to BUILD/peers/NAME. Where that is not possible the reason goes to BUILD/peers/NAME.missing,
# and the benchmark goes on without it. A peer is built again only after a change of its sources.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/peers"
folder=$(cd "$1/peers" && pwd)

for peer in opentelemetry_rust opentelemetry_cpp opentelemetry_go collector lttng iceoryx; do
    stamp=$(cd "$here" && find -L "$peer" ./*.sh ../../tools/go_build ../*.hpp -type f -not -path '*/target/*' -print0 | sort -z |
        xargs -0 sha256sum | sha256sum)
    if [ -x "$folder/$peer" ] && [ "$(cat "$folder/$peer.stamp" 2>/dev/null)" = "$stamp" ]; then
        continue
    fi
    echo "tools/bench: building the peer $peer" >&2
    rm -f "$folder/$peer" "$folder/$peer.missing"
    if reason=$("$here/$peer/build.sh" "$1" 2>"$folder/$peer.log"); then
        echo "$stamp" >"$folder/$peer.stamp"
    else
        reason=${reason:-$(grep -v '^ *$' "$folder/$peer.log" | tail -n 1)}
        printf '%s\n' "${reason##*$'\n'}" >"$folder/$peer.missing"
        echo "tools/bench: no $peer: ${reason##*$'\n'}" >&2
    fi
done
exit 0
