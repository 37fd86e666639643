#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# go_build.sh NAME BUILD: builds the Go program in the folder NAME beside this file to BUILD/NAME/NAME, once: again only
# after a change of its sources or of Go. Ends with 77 where Go is missing or older than its go.mod asks for.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/$1" && pwd)
name=$1
mkdir -p "$2/$name"
folder=$(cd "$2/$name" && pwd)
# shellcheck source=../../tools/environment
. "$here/../../../tools/environment"

wanted=$(sed -n 's/^go \([0-9.]*\).*/\1/p' "$here/go.mod")
if ! go_ready || ! version_at_least "$(go_version)" "$wanted"; then
    echo "$name: needs Go $wanted" >&2
    exit 77
fi

exec 9>"$folder/lock"
flock 9
stamp=$({ go version; cat "$here"/go.mod "$here"/go.sum "$here"/*.go; } | sha256sum)
if [ -x "$folder/$name" ] && [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
cd "$here"
CGO_ENABLED=0 nice go build -mod=readonly -buildvcs=false -trimpath -ldflags='-s -w' -o "$folder/$name.new" .
mv "$folder/$name.new" "$folder/$name"
echo "$stamp" >"$folder/stamp"
