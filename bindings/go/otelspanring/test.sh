#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests OpenTelemetry's API for Go on spanring against the Meson build folder $SPANRING_BUILD (default: build): the package by
# itself, under the race detector, then beside the SDK with agent and Collector, if the agent is built. Ends with 77 where Go
# is missing or too old, or its modules or the agent are.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)
build=$(cd "${SPANRING_BUILD:-$source/build}" && pwd)
# shellcheck source=../../../tools/environment
. "$source/tools/environment"
skip() { echo "test.sh: $*" >&2; exit 77; }
wanted=$(sed -n 's/^go \([0-9.]*\).*/\1/p' "$here/go.mod")
go_ready && version_at_least "$(go_version)" "$wanted" || skip "needs Go $wanted"

case ${CC:-} in
ccache\ *) export CC=${CC#ccache } ;; # as in ../test.sh
esac
case ${CXX:-} in
ccache\ *) export CXX=${CXX#ccache } ;; # which links, where C++ is in it
esac
export GOFLAGS="-mod=readonly -trimpath"
programs=$source/tests/bindings/go_opentelemetry
# Once; then nothing is asked of the registry any more.
go -C "$programs" mod download || skip "the modules cannot be downloaded"

cd "$here"
CGO_ENABLED=1 go vet ./...
CGO_ENABLED=1 go test -race -count=1 ./...
CGO_ENABLED=0 GOOS=darwin go build ./...
mkdir -p "$build/bindings/go"
# In Go alone but for the library, so that the SDK is compiled once for these and for the tests' other programs.
CGO_ENABLED=1 go build -C "$programs" -tags=netgo,osusergo -buildvcs=false -o "$build/bindings/go" ./semantics ./service ./sender

[ -x "$build/agent/spanring-agent" ] || skip "the agent is not built"
python3 "$source/tests/bindings/opentelemetry_go_test.py" "$build/bindings/go/semantics" "$build/bindings/go/service"
python3 "$source/tests/bindings/receiving_sdks_test.py" go grpc,http "$build/bindings/go/sender"
