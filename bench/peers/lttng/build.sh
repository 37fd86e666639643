#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the LTTng-UST worker to BUILD/peers/lttng. Ends with 77 where Debian's LTTng cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../debian.sh
. "$here/../debian.sh"
install_packages lttng lttng-tools liblttng-ust-dev
g++ -std=c++20 -O3 -D_GNU_SOURCE -I"$here" -I"$here/../.." "$here/worker.cpp" -o "$1/peers/lttng" -llttng-ust -ldl
