#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh BUILD [SLICES]: see ../rust/run.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/../rust/run.sh" opentelemetry_api_rust "$@"
