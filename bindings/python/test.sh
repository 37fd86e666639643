#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Tests the Python package against the Meson build folder $SPANRING_BUILD (default: build): as a source distribution and the wheel
# that is made of it, in an environment of its own with the packages of tests/requirements.txt; then beside the SDK and under
# gunicorn against the real agent, if it is built. Ends with 77 where Python's headers, the registry or the agent is missing.
set -euo pipefail

python=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$python/../.." && pwd)
build=$(cd "${SPANRING_BUILD:-$source/build}" && pwd)
own=$build/bindings/python
[ "${SPANRING_HIDE_TOOLCHAINS:-}" != 1 ] || { echo "test.sh: Python is Debian's in every run; not once more" >&2; exit 77; }
interpreter=$(PATH=/usr/bin:$PATH command -v python3) # Debian's own first
"$interpreter" -c 'import sys, sysconfig, os, ensurepip
sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null || {
    echo "test.sh: needs Python 3.11, its headers and venv" >&2
    exit 77
}

# Once; then nothing is asked of the registry any more.
if ! cmp --quiet "$python/tests/requirements.txt" "$own/installed.txt"; then
    rm -rf "$own"
    mkdir -p "$own"
    "$interpreter" -m venv "$own/environment"
    "$own/environment/bin/pip" install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --only-binary=:all: \
        --requirement "$python/tests/requirements.txt" || {
        echo "test.sh: the registry cannot be reached" >&2
        exit 77
    }
    cp "$python/tests/requirements.txt" "$own/installed.txt"
fi
export SPANRING_PYTHON=$own/environment/bin/python SPANRING_BUILD=$build
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# The package is made and installed again only after a change of what it is made of.
made_from=$(cd "$source" && find bindings/python lib include tools/amalgamate tools/wheel -type f -not -path '*/tests/*' -not -name '*.pyc' \
    -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ "$(cat "$own/made_from.txt" 2>/dev/null)" != "$made_from" ]; then
    "$SPANRING_PYTHON" "$source/tools/wheel" "$own/packages"
    "$SPANRING_PYTHON" -m pip install --quiet --no-compile --no-index --no-deps --force-reinstall "$own"/packages/spanring-*.whl
    echo "$made_from" >"$own/made_from.txt"
fi
for test in "$python"/tests/*_test.py; do
    "$SPANRING_PYTHON" -X dev -W error::DeprecationWarning:spanring "$test"
done

[ -x "$build/agent/spanring-agent" ] || { echo "test.sh: the agent is not built" >&2; exit 77; }
"$interpreter" "$source/tests/bindings/opentelemetry_python_test.py"
"$interpreter" "$source/tests/bindings/receiving_sdks_test.py" python grpc,http "$SPANRING_PYTHON" "$source/tests/bindings/sdk_senders/python/sender.py"
"$interpreter" "$source/tests/bindings/other_signals_sdk_test.py" "$SPANRING_PYTHON" "$source/tests/bindings/sdk_senders/python/signals.py"
