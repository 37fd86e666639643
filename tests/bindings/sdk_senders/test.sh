#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# OpenTelemetry's SDKs for Node and Java send to the agent of the Meson build folder $SPANRING_BUILD (default: build); those for
# Go, Rust and Python do so in the tests of these bindings. Ends with 77 where Node, Java, Maven or what their locks name is
# missing, and says what; with what there is it is done before.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../../.." && pwd)
build=$(cd "${SPANRING_BUILD:-$source/build}" && pwd)
own=$build/bindings/sdk_senders
missing=()
[ "${SPANRING_HIDE_TOOLCHAINS:-}" != 1 ] || { echo "test.sh: Node and Java are the machine's in every run; not once more" >&2; exit 77; }
[ -x "$build/agent/spanring-agent" ] || { echo "test.sh: the agent is not built" >&2; exit 77; }

# Exactly what the lock says, and only where that has changed; then nothing is asked of a registry any more.
node_packages() {
    command -v node >/dev/null && command -v npm >/dev/null || return 1
    mkdir -p "$own/node"
    if ! cmp -s "$here/node/package-lock.json" "$own/node/installed.json"; then
        cp "$here/node/package.json" "$here/node/package-lock.json" "$own/node/"
        npm ci --prefix "$own/node" --ignore-scripts --no-audit --no-fund >&2 || return 1
        cp "$here/node/package-lock.json" "$own/node/installed.json"
    fi
    cp "$here/node/sender.mjs" "$own/node/"
}

java_packages() {
    command -v mvn >/dev/null && command -v javac >/dev/null || return 1
    mkdir -p "$own/java"
    if ! cmp -s "$here/java/pom.xml" "$own/java/installed.xml"; then
        mvn --quiet --batch-mode --file "$here/java/pom.xml" dependency:copy-dependencies -DoutputDirectory="$own/java/packages" >&2 || return 1
        cp "$here/java/pom.xml" "$own/java/installed.xml"
    fi
}

if node_packages; then
    python3 "$source/tests/bindings/receiving_sdks_test.py" nodejs grpc,http,json node "$own/node/sender.mjs"
else
    missing+=("Node, npm or the packages of node/package-lock.json")
fi
if java_packages; then
    python3 "$source/tests/bindings/receiving_sdks_test.py" java grpc,http java -cp "$own/java/packages/*" "$here/java/Sender.java"
else
    missing+=("a JDK, Maven or the packages of java/pom.xml")
fi
if [ ${#missing[@]} -gt 0 ]; then
    printf 'test.sh: not found: %s\n' "${missing[@]}" >&2
    exit 77
fi
