#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: measures spanring.lua in LuaJIT with library and agent of the Meson build folder BUILD; the agent throws
# its spans away. Ends with 77 where LuaJIT is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [SLICES]}" && pwd)
command -v luajit >/dev/null || { echo "luajit: not installed" >&2; exit 77; }

folder=$(mktemp -d /dev/shm/spanring-bench-XXXXXX)
trap 'kill "$agent" 2>/dev/null || true; wait "$agent" 2>/dev/null || true; rm -rf "$folder"' EXIT
agent=
mkdir -m 700 "$folder/segments"
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" 2>"$folder/agent.log" >/dev/null &
agent=$!
SPANRING_DIR=$folder/segments SPANRING_LIBRARY=$build/lib/libspanring.so.0 LUA_PATH="$here/../../../integrations/luajit/?.lua;;" \
    luajit "$here/measure.lua" "${2:-400}"
