# SPDX-License-Identifier: Apache-2.0
#
# Completion of spanring for fish. tests/install/completions_test.py compares it with --help.

set -l commands ps open traces trace import ops tail top page audit accounting dump sampling rules exporter reload status doctor flare
set -l none "not __fish_seen_subcommand_from $commands"

complete -c spanring -f
complete -c spanring -s h -l help -d 'print the help and exit'
complete -c spanring -n $none -l version -d 'print the version and exit'
complete -c spanring -n $none -l state-dir -x -a '(__fish_complete_directories)' -d 'state directory of the agent'
complete -c spanring -n $none -l directory -x -a '(__fish_complete_directories)' -d 'where segments are'
complete -c spanring -n $none -l store -r -F -d 'file of the span store'
complete -c spanring -n $none -l colour -x -a 'auto always never' -d 'colours'
complete -c spanring -n $none -l color -x -a 'auto always never' -d 'colours'
complete -c spanring -n $none -l ascii -d 'draw with ASCII characters only'

complete -c spanring -n $none -a ps -d 'processes that write spans'
complete -c spanring -n $none -a open -d 'what is open right now'
complete -c spanring -n $none -a traces -d 'recent traces of the local store'
complete -c spanring -n $none -a trace -d 'one trace as a tree'
complete -c spanring -n $none -a import -d 'traces of others, into a store of their own'
complete -c spanring -n $none -a ops -d 'rate, errors and durations of operations'
complete -c spanring -n $none -a tail -d 'spans as they arrive'
complete -c spanring -n $none -a top -d 'processes, exporters and operations, second by second'
complete -c spanring -n $none -a page -d 'the same in a browser'
complete -c spanring -n $none -a 'audit accounting' -d 'where every span is, as equations'
complete -c spanring -n $none -a dump -d 'what is in the file of a segment'
complete -c spanring -n $none -a sampling -d 'what is recorded, by service'
complete -c spanring -n $none -a rules -d 'by which traces are kept'
complete -c spanring -n $none -a exporter -d 'paused, or resumed'
complete -c spanring -n $none -a reload -d 'the agent reads its configuration again'
complete -c spanring -n $none -a status -d 'how the agent is'
complete -c spanring -n $none -a doctor -d 'whether everything is there that spanring needs'
complete -c spanring -n $none -a flare -d 'a bundle for whoever helps'

complete -c spanring -n '__fish_seen_subcommand_from ps' -s a -l all -d 'finished ones too'
complete -c spanring -n '__fish_seen_subcommand_from ps' -l each -d 'each finished one by itself'
complete -c spanring -n '__fish_seen_subcommand_from ps' -l json -d 'one JSON document'
complete -c spanring -n '__fish_seen_subcommand_from ps' -l watch -x -d 'again and again'

complete -c spanring -n '__fish_seen_subcommand_from open' -l service -x -d 'of this service only'
complete -c spanring -n '__fish_seen_subcommand_from open' -l name -x -d 'whose name contains this'
complete -c spanring -n '__fish_seen_subcommand_from open' -l pid -x -d 'of this process'
complete -c spanring -n '__fish_seen_subcommand_from open' -l stuck -x -d 'open longer than this'
complete -c spanring -n '__fish_seen_subcommand_from open' -l unusual -d 'open longer than is usual'
complete -c spanring -n '__fish_seen_subcommand_from open' -l factor -x -d 'how many times as long'
complete -c spanring -n '__fish_seen_subcommand_from open' -s n -l limit -x -d 'so many at most'
complete -c spanring -n '__fish_seen_subcommand_from open' -s a -l attributes -d 'ids, attributes and events too'
complete -c spanring -n '__fish_seen_subcommand_from open' -l stack -d 'where the threads are too'
complete -c spanring -n '__fish_seen_subcommand_from open' -l json -d 'one JSON document'

complete -c spanring -n '__fish_seen_subcommand_from traces' -l service -x -d 'in which this service took part'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l name -x -d "whose root's name contains this"
complete -c spanring -n '__fish_seen_subcommand_from traces' -l min-duration -x -d 'that took so long or longer'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l max-duration -x -d 'that took so long or shorter'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l until -x -d 'that started … ago or before, or until then'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l order -x -a 'start arrival' -d 'what is newest'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l error -d 'with an error or an unfinished span'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l since -x -d 'that started within the last …'
complete -c spanring -n '__fish_seen_subcommand_from traces' -s n -l limit -x -d 'so many at most'
complete -c spanring -n '__fish_seen_subcommand_from traces' -l json -d 'one JSON document'

complete -c spanring -n '__fish_seen_subcommand_from trace' -a last -d 'the newest trace'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l depth -x -d 'only so many levels'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l errors -d 'only errors and what is above them'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l fold -d 'of alike siblings only the slowest'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l critical -d 'what the trace waited for'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l format -x -a 'tree otlp perfetto' -d 'for other programs'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l compare -x -d 'another trace beside it'
complete -c spanring -n '__fish_seen_subcommand_from trace' -s a -l attributes -d 'attributes, events and links too'
complete -c spanring -n '__fish_seen_subcommand_from trace' -l json -d 'one JSON document'

complete -c spanring -n '__fish_seen_subcommand_from ops' -l service -x -d 'of this service'
complete -c spanring -n '__fish_seen_subcommand_from ops' -l name -x -d 'whose name contains this'
complete -c spanring -n '__fish_seen_subcommand_from ops' -l since -x -d 'within the last …, or since then'
complete -c spanring -n '__fish_seen_subcommand_from ops' -l sort -x -a 'spans errors total p50 p95 p99' -d 'the most first'
complete -c spanring -n '__fish_seen_subcommand_from ops' -s n -l limit -x -d 'so many at most'
complete -c spanring -n '__fish_seen_subcommand_from ops' -l json -d 'one JSON document'

complete -c spanring -n '__fish_seen_subcommand_from tail' -s n -l limit -x -d 'end after so many'
complete -c spanring -n '__fish_seen_subcommand_from tail' -l json -d 'a JSON document for each span'

complete -c spanring -n '__fish_seen_subcommand_from top' -l interval -x -d 'again every so many seconds'

complete -c spanring -n '__fish_seen_subcommand_from page' -l listen -x -d 'HOST:PORT or unix:PATH'
complete -c spanring -n '__fish_seen_subcommand_from page' -l tls-certificate -r -F -d 'PEM, with its chain'
complete -c spanring -n '__fish_seen_subcommand_from page' -l tls-key -r -F -d 'PEM'
complete -c spanring -n '__fish_seen_subcommand_from page' -l host -x -d 'a name that browsers reach it by'

complete -c spanring -n '__fish_seen_subcommand_from audit accounting' -l service -x -d 'processes of this service only'
complete -c spanring -n '__fish_seen_subcommand_from audit accounting' -l each -d 'each process by itself'
complete -c spanring -n '__fish_seen_subcommand_from audit accounting' -l wait -x -d 'until nothing moves, at most so long'
complete -c spanring -n '__fish_seen_subcommand_from audit accounting' -l json -d 'one JSON document'

complete -c spanring -n '__fish_seen_subcommand_from dump' -F
complete -c spanring -n '__fish_seen_subcommand_from dump' -l json -d 'OTLP JSON'
complete -c spanring -n '__fish_seen_subcommand_from dump' -l format -x -a 'tree json' -d 'a tree, or OTLP JSON'
complete -c spanring -n '__fish_seen_subcommand_from dump' -l open -d 'only spans that never ended'
complete -c spanring -n '__fish_seen_subcommand_from dump' -l pending -d 'only spans that no agent has acknowledged'
complete -c spanring -n '__fish_seen_subcommand_from dump' -s a -l attributes -d 'attributes, events and links too'
complete -c spanring -n '__fish_seen_subcommand_from dump' -s n -l limit -x -d 'so many spans at most'

set -l rules set clear show
set -l no_rule "__fish_seen_subcommand_from sampling; and not __fish_seen_subcommand_from $rules"
complete -c spanring -n $no_rule -a set -d 'from the next span on'
complete -c spanring -n $no_rule -a clear -d 'back to what the application configured'
complete -c spanring -n $no_rule -a show -d 'the rules'
complete -c spanring -n '__fish_seen_subcommand_from sampling; and __fish_seen_subcommand_from set' -a 'on off' -d 'or a ratio: 0.01, or a rate: 100/s'
complete -c spanring -n '__fish_seen_subcommand_from sampling; and __fish_seen_subcommand_from set clear' -s s -l service -x -d 'of this service alone'
complete -c spanring -n '__fish_seen_subcommand_from show' -l json -d 'one JSON document'

set -l no_such "__fish_seen_subcommand_from rules; and not __fish_seen_subcommand_from list add set remove reset"
set -l put "__fish_seen_subcommand_from rules; and __fish_seen_subcommand_from add set"
complete -c spanring -n $no_such -a list -d 'in the order in which they are asked'
complete -c spanring -n $no_such -a add -d 'behind the others'
complete -c spanring -n $no_such -a set -d 'in the place of the one with its name'
complete -c spanring -n $no_such -a remove -d 'by its name'
complete -c spanring -n $no_such -a reset -d 'the policies of the file alone'
complete -c spanring -n '__fish_seen_subcommand_from rules; and __fish_seen_subcommand_from list' -l json -d 'one JSON document'
complete -c spanring -n $put -s s -l service -x -d 'a span of this service'
complete -c spanring -n $put -l operation -x -d 'of this name'
complete -c spanring -n $put -l process -x -d 'of this process'
complete -c spanring -n $put -l attribute -x -d 'with this attribute'
complete -c spanring -n $put -l resource -x -d 'of a resource with this'
complete -c spanring -n $put -l error -d 'with an error'
complete -c spanring -n $put -l slower-than -x -d 'traces that took so long'
complete -c spanring -n $put -l keep -d 'all of them'
complete -c spanring -n $put -l drop -d 'none of them'
complete -c spanring -n $put -l probability -x -d 'this part of them'
complete -c spanring -n $put -l traces-per-second -x -d 'so many at most'
complete -c spanring -n $put -l spans-per-second -x -d 'so many of their spans at most'
complete -c spanring -n $put -l for -x -d 'it holds for so long'
complete -c spanring -n $put -l first -d 'before the other rules'

set -l no_pause "__fish_seen_subcommand_from exporter; and not __fish_seen_subcommand_from pause resume"
complete -c spanring -n $no_pause -a pause -d 'sends nothing until it is resumed'
complete -c spanring -n $no_pause -a resume -d 'goes on, with what waits first'

complete -c spanring -n '__fish_seen_subcommand_from reload' -l json -d 'one JSON document'
complete -c spanring -n '__fish_seen_subcommand_from status' -l json -d 'one JSON document'
complete -c spanring -n '__fish_seen_subcommand_from status' -l configuration -d 'what is in effect, without secrets'

complete -c spanring -n '__fish_seen_subcommand_from doctor' -l config -r -F -d 'configuration of the agent'
complete -c spanring -n '__fish_seen_subcommand_from doctor' -l pid -x -d 'a process whose spans do not arrive'
complete -c spanring -n '__fish_seen_subcommand_from doctor' -l patience -x -d 'for a connection to a backend'
complete -c spanring -n '__fish_seen_subcommand_from doctor' -l json -d 'one JSON document'
complete -c spanring -n '__fish_seen_subcommand_from flare' -s o -l output -r -F -d 'the archive'
