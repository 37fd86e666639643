#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: builds the Collector to BUILD/collector/collector, once: again only after a change of its sources or
# of Go. Ends with 77 where there is no Go.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/collector"
folder=$(cd "$1/collector" && pwd)
# shellcheck source=../../../tools/environment
. "$here/../../../tools/environment"

if ! go_ready; then
    echo "collector: needs Go $GO_MINIMUM" >&2
    exit 77
fi

exec 9>"$folder/lock"
flock 9
stamp=$({ go version; cat "$here"/go.mod "$here"/go.sum "$here"/*.go; } | sha256sum)
if [ -x "$folder/collector" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
cd "$here"
CGO_ENABLED=0 nice go build -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' -o "$folder/collector.new" .
mv "$folder/collector.new" "$folder/collector"
echo "$stamp" >"$folder/stamp"
