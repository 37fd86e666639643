#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh FOLDER BUILD [SLICES]: builds the comparison in a folder beside this one for release, and runs it against the agent and the
# sink of the Meson build folder BUILD, which was set up with -Dbench=true. Both sides send to that sink. Ends with 77 where Rust is
# missing or too old.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${1:?usage: run.sh FOLDER BUILD [SLICES]}
build=$(cd "${2:?usage: run.sh FOLDER BUILD [SLICES]}" && pwd)
# shellcheck source=../../../tools/environment
. "$here/../../../tools/environment"
rust_ready || { echo "$name: needs Rust $RUST_MINIMUM" >&2; exit 77; }

folder=$(mktemp -d /dev/shm/spanring-bench-XXXXXX)
sink='' agent=''
end() {
    for process in $agent $sink; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap end EXIT
mkdir -m 700 "$folder/segments"
cd "$here/../$name"
# The library as `cargo add` brings it.
SPANRING_VENDORED=1 nice cargo build --quiet --release --locked --target-dir "$build/cargo-peers"
PYTHONPATH=$here/../.. PYTHONDONTWRITEBYTECODE=1 python3 -c "import shop_requests; shop_requests.write(\"$folder/requests\")"
mkfifo "$folder/questions"
"$build/bench/otlp_sink" <"$folder/questions" >"$folder/sink.log" &
sink=$!
exec 3>"$folder/questions" # the sink ends with it
until endpoint=$(sed -n 's/^ready //p' "$folder/sink.log") && [ -n "$endpoint" ]; do sleep 0.05; done
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" --endpoint "http://$endpoint" \
    2>"$folder/agent.log" >/dev/null &
agent=$!
SPANRING_DIR=$folder/segments "$build/cargo-peers/release/peer-${name//_/-}" "$endpoint" "$folder/requests" "${3:-400}"
