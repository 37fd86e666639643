# SPDX-License-Identifier: Apache-2.0
#
# Completion of spanring-agent for fish. tests/install/completions_test.py compares it with --help.

complete -c spanring-agent -f
complete -c spanring-agent -s h -l help -d 'print the help and exit'
complete -c spanring-agent -l version -d 'print the version and exit'
complete -c spanring-agent -l describe-options -d 'print every key of the file, and exit'
complete -c spanring-agent -l config -r -F -d 'YAML file'
complete -c spanring-agent -l set -x -d 'set a key of the file: KEY=VALUE'
complete -c spanring-agent -l endpoint -x -d 'OTLP backend: host:port, http://… or https://…'
complete -c spanring-agent -l exporter -x -a 'otlp_grpc otlp otlp_http kafka unix exec iceoryx file debug store' -d 'exporter'
complete -c spanring-agent -l directory -x -a '(__fish_complete_directories)' -d 'where segments appear'
complete -c spanring-agent -l state-dir -x -a '(__fish_complete_directories)' -d 'ledger, spools and store'
complete -c spanring-agent -l log-level -x -a 'debug info warn error' -d 'what is logged'
complete -c spanring-agent -l metrics-address -x -d 'serve the metrics at host:port, or at a port of 127.0.0.1'
complete -c spanring-agent -l batch-size -x -d 'spans in a batch at most'
complete -c spanring-agent -l batch-timeout -x -d 'a batch waits for more at most so long'
complete -c spanring-agent -l zero-copy -x -a 'off same_user' -d 'send from the mapping of trusted processes'
complete -c spanring-agent -l shutdown-timeout -x -d 'for the last drain and flush'
complete -c spanring-agent -l all-users -d 'applications of every user'
complete -c spanring-agent -l replace -d 'take over from the agent that runs'
complete -c spanring-agent -l background -d 'return once it is ready'
complete -c spanring-agent -l seccomp -x -a 'on off kill' -d 'refuse system calls that an agent never makes'
