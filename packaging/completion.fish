# Completion of gatepost(8) for fish. The lists are made at build time of the program's own tables.

function __gatepost_is
    set -l words (commandline -opc)
    contains -- $argv[1] $words; and contains -- $argv[2] $words
end

@LISTS@

complete -c gatepost -s c -r -d 'configuration file'
complete -c gatepost -s o -x -a '$__gatepost_keys' -d 'section.key=value'
complete -c gatepost -l help -d 'the commands'
