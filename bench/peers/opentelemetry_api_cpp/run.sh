#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: compiles the comparison and runs it against the library, the agent and the sink of the Meson build folder
# BUILD, which has the option `bench`. Ends with 77 where Debian's SDK cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD [SLICES]}" && pwd)
# shellcheck source=../debian.sh
. "$here/../debian.sh"
install_packages opentelemetry_api_cpp opentelemetry-cpp-dev

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
# shellcheck disable=SC2046 # flags are words
g++ -std=c++20 -O3 -D_GNU_SOURCE -I"$here/../.." -I"$here/../../../include" -I"$here/../../../bindings/cpp/include" \
    "$here/main.cpp" -o "$folder/program" \
    $(pkg-config --cflags --libs opentelemetry_trace opentelemetry_resources opentelemetry_common) \
    -lopentelemetry_exporter_otlp_grpc -L"$build/lib" -lspanring -Wl,-rpath,"$build/lib" -pthread
PYTHONPATH=$here/../.. PYTHONDONTWRITEBYTECODE=1 python3 -c "import shop_requests; shop_requests.write(\"$folder/requests\")"
mkfifo "$folder/questions"
"$build/bench/otlp_sink" <"$folder/questions" >"$folder/sink.log" &
sink=$!
exec 3>"$folder/questions"
until endpoint=$(sed -n 's/^ready //p' "$folder/sink.log") && [ -n "$endpoint" ]; do sleep 0.05; done
"$build/agent/spanring-agent" --directory "$folder/segments" --state-dir "$folder/state" --endpoint "http://$endpoint" \
    2>"$folder/agent.log" >/dev/null &
agent=$!
SPANRING_DIR=$folder/segments OTEL_SERVICE_NAME=opentelemetry_api_cpp "$folder/program" "$endpoint" "$folder/requests" "${2:-200}"
