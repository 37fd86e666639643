#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: builds the comparison for release and runs it against the agent of the Meson build folder BUILD, which
# throws its spans away as well. Ends with 77 where Rust is missing or too old.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [SLICES]}" && pwd)
# shellcheck source=../../../tools/environment
. "$here/../../../tools/environment"
rust_ready || { echo "opentelemetry_api_rust: needs Rust $RUST_MINIMUM" >&2; exit 77; }

folder=$(mktemp -d /dev/shm/spanring-bench-XXXXXX)
trap 'kill "$agent" 2>/dev/null || true; wait "$agent" 2>/dev/null || true; rm -rf "$folder"' EXIT
agent=
mkdir -m 700 "$folder/segments"
cd "$here"
# The library as `cargo add` brings it.
SPANRING_VENDORED=1 nice cargo build --quiet --release --locked --target-dir "$build/cargo-peers"
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" 2>"$folder/agent.log" >/dev/null &
agent=$!
SPANRING_DIR=$folder/segments "$build/cargo-peers/release/peer-opentelemetry-api-rust" "${2:-400}"
