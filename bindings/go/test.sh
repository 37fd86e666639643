#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests the Go binding against the Meson build folder $SPANRING_BUILD (default: build): the package by itself, under the
# race detector, the module as a program gets it, then the scenario against the real agent, if it is built. Ends with 77 where Go or the agent is missing.
set -euo pipefail

go=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$go/../.." && pwd)
build=$(cd "${SPANRING_BUILD:-$source/build}" && pwd)
command -v go >/dev/null || { echo "test.sh: go is not installed" >&2; exit 77; }

# Go asks the first word of CC, or of CXX, what its linker can do. From ccache it gets no answer, and links the race detector as a
# position-independent executable, in which that finds no room for its shadow.
case ${CC:-} in
ccache\ *) export CC=${CC#ccache } ;;
esac
case ${CXX:-} in
ccache\ *) export CXX=${CXX#ccache } ;;
esac
# The package with the library of this build; the programs below with the copy of it that the module has.
export CGO_ENABLED=1
cd "$go"
go vet ./...
CGO_CFLAGS="-O2 -g -I$source/include" CGO_LDFLAGS="-O2 -g -L$build/lib -Wl,-rpath,$build/lib" \
    go test -tags=spanring_installed -race -count=1 ./...
mkdir -p "$build/bindings/go"
go build -trimpath -buildvcs=false -o "$build/bindings/go" ./internal/scenario ./internal/data
python3 "$source/tests/bindings/go_module_test.py"

[ -x "$build/agent/spanring-agent" ] || { echo "test.sh: the agent is not built" >&2; exit 77; }
python3 "$source/tests/bindings/arrival_test.py" go "$build/bindings/go/scenario"
python3 "$source/tests/bindings/data_test.py" go "$build/bindings/go/data"
