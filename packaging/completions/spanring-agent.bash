# SPDX-License-Identifier: Apache-2.0
#
# Completion of spanring-agent for bash (4 or newer). tests/install/completions_test.py compares it with --help.

_spanring_agent() {
    local options='-h --help --version --describe-options --config --set --endpoint --exporter --directory --state-dir
        --log-level --metrics-address --batch-size --batch-timeout --zero-copy --shutdown-timeout --all-users --seccomp
        --replace --background'
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    # bash makes the "=" of --seccomp=off a word of its own.
    if [[ $current == = ]]; then
        current=''
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    COMPREPLY=()
    case "$previous" in
        --config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        --directory|--state-dir) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
        --exporter) mapfile -t COMPREPLY < <(compgen -W 'otlp_grpc otlp otlp_http kafka unix exec iceoryx file debug store' -- "$current") ;;
        --log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info warn error' -- "$current") ;;
        --zero-copy) mapfile -t COMPREPLY < <(compgen -W 'off same_user' -- "$current") ;;
        --seccomp) mapfile -t COMPREPLY < <(compgen -W 'on off kill' -- "$current") ;;
        --set|--endpoint|--metrics-address|--batch-size|--batch-timeout|--shutdown-timeout) ;;
        validate|print-config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current") ;;
    esac
}
complete -F _spanring_agent spanring-agent
