#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the Go SDK worker to BUILD/peers/opentelemetry_go. Ends with 77 where Go is missing or too old.
here=$(dirname "${BASH_SOURCE[0]}")
exec "$here/../../../tools/go_build" "$here" "$1/peers/opentelemetry_go"
