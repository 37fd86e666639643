#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: builds the Collector to BUILD/collector/collector. Ends with 77 where there is no Go.
exec "$(dirname "${BASH_SOURCE[0]}")/../go_build.sh" collector "$1"
