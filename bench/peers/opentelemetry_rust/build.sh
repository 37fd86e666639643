#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the Rust SDK worker to BUILD/peers/opentelemetry_rust, with the committed Cargo.lock. Ends with 77
# where Rust is missing or too old.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/peers"
target=$(cd "$1/peers" && pwd)
# shellcheck source=../../../tools/environment
. "$here/../../../tools/environment"

if ! rust_ready; then
    echo "opentelemetry_rust: needs Rust $RUST_MINIMUM"
    exit 77
fi
cd "$here"
nice cargo build --quiet --release --locked --target-dir "$target/cargo"
cp "$target/cargo/release/peer-opentelemetry-rust" "$target/opentelemetry_rust"
