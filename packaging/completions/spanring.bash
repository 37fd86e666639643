# SPDX-License-Identifier: Apache-2.0
#
# Completion of spanring for bash (4 or newer). tests/install/completions_test.py compares it with --help.

_spanring() {
    local -A options=(
        [spanring]='-h --help --version --state-dir --directory --store --colour --color --ascii'
        ['spanring ps']='-h --help -a --all --each --json --watch'
        ['spanring open']='-h --help --service --name --pid --stuck --unusual --factor -n --limit -a --attributes --stack --json'
        ['spanring traces']='-h --help --service --name --min-duration --max-duration --error --since --until --order -n --limit --json'
        ['spanring trace']='-h --help --format --depth --errors --fold --critical --compare -a --attributes --json'
        ['spanring import']='-h --help'
        ['spanring ops']='-h --help --service --name --since --sort -n --limit --json'
        ['spanring tail']='-h --help -n --limit --json'
        ['spanring top']='-h --help --interval'
        ['spanring page']='-h --help --listen --tls-certificate --tls-key --host'
        ['spanring audit']='-h --help --service --each --wait --json'
        ['spanring accounting']='-h --help --service --each --wait --json'
        ['spanring dump']='-h --help --format --json --open --pending -a --attributes -n --limit'
        ['spanring sampling']='-h --help'
        ['spanring sampling set']='-h --help -s --service'
        ['spanring sampling clear']='-h --help -s --service'
        ['spanring sampling show']='-h --help --json'
        ['spanring rules']='-h --help'
        ['spanring rules list']='-h --help --json'
        ['spanring rules add']='-h --help -s --service --operation --process --attribute --resource --error --slower-than --keep --drop --probability --traces-per-second --spans-per-second --for --first'
        ['spanring rules set']='-h --help -s --service --operation --process --attribute --resource --error --slower-than --keep --drop --probability --traces-per-second --spans-per-second --for --first'
        ['spanring rules remove']='-h --help'
        ['spanring rules reset']='-h --help'
        ['spanring exporter']='-h --help'
        ['spanring exporter pause']='-h --help'
        ['spanring exporter resume']='-h --help'
        ['spanring reload']='-h --help --json'
        ['spanring status']='-h --help --json --configuration'
        ['spanring doctor']='-h --help --config --pid --patience --json'
        ['spanring flare']='-h --help -o --output'
    )
    local -A commands=(
        [spanring]='ps open traces trace import ops tail top page audit accounting dump sampling rules exporter reload status doctor flare'
        ['spanring sampling']='set clear show'
        ['spanring rules']='list add set remove reset'
        ['spanring exporter']='pause resume'
    )
    local with_value='--state-dir --directory --store --colour --color --service --name --min-duration --max-duration --since --until
        --order --sort -n --limit --wait --format -s --config --pid --patience --stuck --factor --depth --compare --interval --listen --tls-certificate --tls-key --host -o --output
        --operation --process --attribute --resource --slower-than --probability --traces-per-second --spans-per-second --for'

    # Without the "=" that bash makes a word of its own: --format=json.
    local words=() word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        [[ $word == = ]] || words+=("$word")
    done
    local current=''
    if [[ ${COMP_WORDS[COMP_CWORD]} != = ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi

    local command=spanring value=''
    for word in "${words[@]}"; do
        if [[ -n $value ]]; then
            value=''
        elif [[ $word == -* ]]; then
            [[ " ${with_value//$'\n'/ } " != *" $word "* ]] || value=$word
        elif [[ " ${commands[$command]:-} " == *" $word "* ]]; then
            command+=" $word"
        fi
    done

    COMPREPLY=()
    case "$value" in
        '') ;;
        --state-dir|--directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --store|--config|--tls-certificate|--tls-key) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --colour|--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current"); return ;;
        --order) mapfile -t COMPREPLY < <(compgen -W 'start arrival' -- "$current"); return ;;
        --sort) mapfile -t COMPREPLY < <(compgen -W 'spans errors total p50 p95 p99' -- "$current"); return ;;
        --format)
            local formats='tree json'
            [[ $command != 'spanring trace' ]] || formats='tree otlp perfetto'
            mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$current")
            return ;;
        *) return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${options[$command]}" -- "$current")
        return
    fi
    case "$command" in
        'spanring trace') mapfile -t COMPREPLY < <(compgen -W last -- "$current") ;;
        'spanring dump'|'spanring import') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
        'spanring sampling set') mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$current") ;;
        *) mapfile -t COMPREPLY < <(compgen -W "${commands[$command]:-}" -- "$current") ;;
    esac
}
complete -F _spanring spanring
