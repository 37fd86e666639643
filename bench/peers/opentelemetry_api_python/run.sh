#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: runs the comparison in the environment that bindings/python/test.sh has made in the Meson build folder BUILD,
# against its agent; both send to its http_sink. Ends with 77 where there is no such environment.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [SLICES]}" && pwd)
python=$build/bindings/python/environment/bin/python
"$python" -c 'import spanring' 2>/dev/null || {
    echo "opentelemetry_api_python: run bindings/python/test.sh before, with SPANRING_BUILD=$build" >&2
    exit 77
}

folder=$(mktemp -d /dev/shm/spanring-bench-XXXXXX)
sink=
agent=
trap 'kill $agent $sink 2>/dev/null || true; wait $agent $sink 2>/dev/null || true; exec 3>&- || true; rm -rf "$folder"' EXIT
mkdir -m 700 "$folder/segments"
mkfifo "$folder/questions"
touch "$folder/sink.log"
"$build/bench/http_sink" <"$folder/questions" >"$folder/sink.log" &
sink=$!
exec 3>"$folder/questions"
until grep -q '^ready ' "$folder/sink.log"; do
    kill -0 "$sink"
    sleep 0.1
done
endpoint=$(sed -n 's/^ready //p' "$folder/sink.log")
case $endpoint in http://*) ;; *) endpoint=http://$endpoint ;; esac
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" --exporter otlp_http --endpoint "$endpoint" \
    2>"$folder/agent.log" >/dev/null 3>&- &
agent=$!
SPANRING_DIR=$folder/segments PYTHONDONTWRITEBYTECODE=1 "$python" "$here/measure.py" "$endpoint" "${2:-100}" 3>&-
