#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install_config.sh SAMPLE FOLDER: the sample becomes FOLDER/config.yaml, but never in place of one that is there, which
# is its administrator's. Meson's install_data() would.
set -eu

folder=${DESTDIR:-}$2
if [ -e "$folder/config.yaml" ]; then
    echo "$folder/config.yaml is there already and is kept" >&2
else
    install -d -m 0755 "$folder"
    install -m 0644 "$1" "$folder/config.yaml"
fi
