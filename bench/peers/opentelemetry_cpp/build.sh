#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the C++ SDK worker to BUILD/peers/opentelemetry_cpp. Ends with 77 where Debian's SDK cannot be installed:
# on bookworm it is in the backports.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../debian.sh
. "$here/../debian.sh"
install_packages opentelemetry_cpp opentelemetry-cpp-dev
# shellcheck disable=SC2046 # flags are words
g++ -std=c++20 -O3 -D_GNU_SOURCE -I"$here/../.." "$here/worker.cpp" -o "$1/peers/opentelemetry_cpp" \
    $(pkg-config --cflags --libs opentelemetry_trace opentelemetry_resources opentelemetry_common) \
    -lopentelemetry_exporter_otlp_grpc -pthread
