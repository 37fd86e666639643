#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# build.sh BUILD: the iceoryx worker to BUILD/peers/iceoryx. Ends with 77 where Debian's iceoryx cannot be installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../debian.sh
. "$here/../debian.sh"
install_packages iceoryx iceoryx libiceoryx-posh-dev
include=$(dpkg -L libiceoryx-posh-dev | sed -n 's#/iceoryx_posh/popo/publisher.hpp$##p')
g++ -std=c++20 -O3 -D_GNU_SOURCE -I"$here/../.." -isystem "$include" "$here/worker.cpp" -o "$1/peers/iceoryx" \
    -liceoryx_posh -liceoryx_hoofs -pthread
