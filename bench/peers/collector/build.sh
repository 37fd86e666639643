#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the Collector to BUILD/peers/collector. Ends with 77 where Go is missing or too old.
here=$(dirname "${BASH_SOURCE[0]}")
exec "$here/../../../tools/go_build" "$here" "$1/peers/collector"
