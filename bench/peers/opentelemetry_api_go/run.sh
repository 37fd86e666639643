#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: builds the comparison and runs it against agent and sink of the Meson build folder BUILD, which was set up
# with -Dbench=true. Ends with 77 where Go is missing or too old.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [SLICES]}" && pwd)
# shellcheck source=../../../tools/environment
. "$here/../../../tools/environment"
wanted=$(sed -n 's/^go \([0-9.]*\).*/\1/p' "$here/go.mod")
go_ready && version_at_least "$(go_version)" "$wanted" || { echo "opentelemetry_api_go: needs Go $wanted" >&2; exit 77; }

folder=$(mktemp -d /dev/shm/spanring-bench-XXXXXX)
trap 'kill "$agent" "$sink" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
agent='' sink=''
mkdir -m 700 "$folder/segments"
mkdir -p "$build/peers"
# The library as `go get` brings it.
CGO_ENABLED=1 go build -C "$here" -mod=readonly -buildvcs=false -trimpath -o "$build/peers/opentelemetry_api_go" .

mkfifo "$folder/commands"
"$build/bench/otlp_sink" <"$folder/commands" >"$folder/sink.out" &
sink=$!
exec 9>"$folder/commands" # it ends with its input
until endpoint=$(sed -n 's/^ready //p' "$folder/sink.out") && [ -n "$endpoint" ]; do sleep 0.05; done
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" --endpoint "http://$endpoint" \
    2>"$folder/agent.log" >/dev/null &
agent=$!
SPANRING_DIR=$folder/segments "$build/peers/opentelemetry_api_go" "$endpoint" "${2:-20}"
