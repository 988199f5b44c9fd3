#compdef gatepost
# Completion of gatepost(8) for zsh. The lists are made at build time of the program's own tables.

@LISTS@

_gatepost() {
    local word skip= first= second= previous=${words[CURRENT-1]} key
    for word in ${words[2,CURRENT-1]}; do
        if [[ -n $skip ]]; then
            skip=
        elif [[ $word == -[co] ]]; then
            skip=1
        elif [[ $word == -* ]]; then
            continue
        elif [[ -z $first ]]; then
            first=$word
        elif [[ -z $second && -n ${_gatepost_group[$first]} ]]; then
            second=$word
        fi
    done

    if [[ $previous == -o ]]; then
        if [[ $PREFIX == *=* ]]; then
            key=${PREFIX%%=*}
            compset -P '*='
            if [[ -n ${_gatepost_values[$key]} ]]; then
                compadd -- ${=_gatepost_values[$key]}
            else
                _files
            fi
        else
            compadd -Q -S = -- ${=_gatepost_keys}
        fi
    elif [[ " $_gatepost_file_options " == *" $previous "* ]]; then
        _files
    elif [[ $previous == --* && -n ${_gatepost_choices[$previous]} ]]; then
        compadd -- ${=_gatepost_choices[$previous]}
    elif [[ $PREFIX == -* ]]; then
        compadd -- -c -o --help ${=_gatepost_options[$first.$second]}
    elif [[ -z $first ]]; then
        compadd -- ${=_gatepost_commands}
    elif [[ -z $second && -n ${_gatepost_group[$first]} ]]; then
        compadd -- ${=_gatepost_group[$first]}
    elif [[ -n $second || " $_gatepost_takes_files " == *" $first "* ]]; then
        _files
    fi
}

_gatepost "$@"
