#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests the Rust binding against the Meson build folder $SPANRING_BUILD (default: build): the crates by themselves, then
# the packages, and the scenario against the real agent, if it is built. Ends with 77 where Cargo, what the crates depend on,
# or the agent is missing.
set -euo pipefail

rust=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$rust/../.." && pwd)
build=$(cd "${SPANRING_BUILD:-$source/build}" && pwd)
command -v cargo >/dev/null || { echo "test.sh: cargo is not installed" >&2; exit 77; }

export SPANRING_BUILD=$build SPANRING_LIB_DIR="$build/lib" SPANRING_INCLUDE_DIR="$source/include" CARGO_TARGET_DIR="$build/cargo"
export LD_LIBRARY_PATH="$build/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
cd "$rust"
# Once; then nothing is asked of the registry any more.
cargo fetch --locked --quiet --offline 2>/dev/null || cargo fetch --locked --quiet || {
    echo "test.sh: the registry cannot be reached" >&2
    exit 77
}
service=$source/tests/bindings/rust_axum/Cargo.toml
cargo fetch --locked --quiet --offline --manifest-path "$service" 2>/dev/null || cargo fetch --locked --quiet --manifest-path "$service" || {
    echo "test.sh: the registry cannot be reached" >&2
    exit 77
}
# One choice of features, so that nothing is compiled twice.
cargo test --locked --offline --features spanring/test-kit
cargo build --locked --offline --features spanring/test-kit --examples
cargo build --locked --offline --manifest-path "$service"
python3 "$source/tests/bindings/crates_test.py"
python3 "$source/tests/bindings/oldest_rust_test.py"

[ -x "$build/agent/spanring-agent" ] || { echo "test.sh: the agent is not built" >&2; exit 77; }
python3 "$source/tests/bindings/arrival_test.py" rust "$CARGO_TARGET_DIR/debug/examples/scenario"
python3 "$source/tests/bindings/data_test.py" rust "$CARGO_TARGET_DIR/debug/examples/data"
python3 "$source/tests/bindings/tracing_test.py" "$CARGO_TARGET_DIR/debug/examples/fields" "$CARGO_TARGET_DIR/debug/examples/service"
python3 "$source/tests/bindings/opentelemetry_rust_test.py" "$CARGO_TARGET_DIR/debug/examples/semantics" "$CARGO_TARGET_DIR/debug/examples/api_service"
python3 "$source/tests/bindings/tower_test.py" "$CARGO_TARGET_DIR/debug/examples/requests"
python3 "$source/tests/bindings/axum_test.py" "$CARGO_TARGET_DIR/debug/axum-service"
python3 "$source/tests/bindings/receiving_sdks_test.py" rust grpc,http "$CARGO_TARGET_DIR/debug/sender"
