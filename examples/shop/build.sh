#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD [stock] [payment]: builds the Go and the Rust service against the library in the Meson build folder
# BUILD; without a name, both. Go and Cargo see what is up to date. Ends with 77 where a tool is missing.
set -euo pipefail

shop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:?usage: build.sh BUILD [stock] [payment]}" && pwd)
shift
[ $# -gt 0 ] || set -- stock payment

need() {
    command -v "$1" >/dev/null || { echo "build.sh: $1 is not installed" >&2; exit 77; }
}
[ -e "$build/lib/libspanring.so" ] || { echo "build.sh: no $build/lib/libspanring.so; run ninja -C $build" >&2; exit 1; }

for service in "$@"; do
    case $service in
    stock)
        need go
        (
            cd "$shop/stock"
            # The library that its module brings.
            CGO_ENABLED=1 go build -buildvcs=false -trimpath -o "$build/examples/shop/stock" .
        )
        ;;
    payment)
        need cargo
        (
            cd "$shop/payment"
            export SPANRING_LIB_DIR="$build/lib" CARGO_TARGET_DIR="$build/cargo"
            cargo build --release --locked --quiet  # asks the registry for what was never fetched
        )
        ;;
    *)
        echo "build.sh: no service $service" >&2
        exit 2
        ;;
    esac
done
