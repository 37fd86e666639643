#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced as go_build.sh NAME BUILD by the peers in Go: builds bench/peers/NAME to BUILD/peers/NAME with its committed
# go.sum. Ends with 77 where Go is missing or older than the go.mod asks for.
set -euo pipefail
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/$1" && pwd)
mkdir -p "$2/peers"
target=$(cd "$2/peers" && pwd)/$1
# shellcheck source=../../tools/environment
. "$source_folder/../../../tools/environment"

wanted=$(sed -n 's/^go \([0-9.]*\).*/\1/p' "$source_folder/go.mod")
if ! go_ready || ! version_at_least "$(go_version)" "$wanted"; then
    echo "$1: needs Go $wanted"
    exit 77
fi
cd "$source_folder"
CGO_ENABLED=0 nice go build -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' -o "$target" .
