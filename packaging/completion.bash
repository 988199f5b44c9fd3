# Completion of gatepost(8) for bash. The lists are made at build time of the program's own tables.

@LISTS@

# The command and, of a group, the command of the group: "user.list", "status.".
_gatepost_where()
{
    local word skip= first= second=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [ -n "$skip" ]; then
            skip=
        elif [ "$word" = -c ] || [ "$word" = -o ]; then
            skip=1
        elif [ "$word" = = ]; then
            skip=1
        elif [[ $word == -* ]]; then
            continue
        elif [ -z "$first" ]; then
            first=$word
        elif [ -z "$second" ] && [ -n "${_gatepost_group[$first]-}" ]; then
            second=$word
        fi
    done
    _gatepost_first=$first _gatepost_second=$second
}

_gatepost_files()
{
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
}

_gatepost()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} key= choices=
    local _gatepost_first _gatepost_second
    COMPREPLY=()

    # bash takes = for the end of a word: what stands in front of it is the key.
    if [ "$cur" = = ]; then
        key=$prev cur=
    elif [ "$prev" = = ]; then
        key=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if [ -n "$key" ]; then
        choices=${_gatepost_values[$key]-}
        if [ -n "$choices" ]; then
            COMPREPLY=($(compgen -W "$choices" -- "$cur"))
        else
            _gatepost_files
        fi
        return
    fi
    if [ "$prev" = -o ]; then
        COMPREPLY=($(compgen -S = -W "$_gatepost_keys" -- "$cur"))
        compopt -o nospace 2>/dev/null
        return
    fi
    if [[ " $_gatepost_file_options " == *" $prev "* ]]; then
        _gatepost_files
        return
    fi
    if [[ $prev == --* ]] && [ -n "${_gatepost_choices[$prev]-}" ]; then
        COMPREPLY=($(compgen -W "${_gatepost_choices[$prev]}" -- "$cur"))
        return
    fi
    _gatepost_where
    if [[ $cur == -* ]]; then
        choices="-c -o --help"
        [ -z "$_gatepost_first" ] ||
            choices+=" ${_gatepost_options[$_gatepost_first.$_gatepost_second]-}"
    elif [ -z "$_gatepost_first" ]; then
        choices=$_gatepost_commands
    elif [ -z "$_gatepost_second" ]; then
        choices=${_gatepost_group[$_gatepost_first]-}
    fi
    if [ -z "$choices" ] &&
        { [ -n "$_gatepost_second" ] || [[ " $_gatepost_takes_files " == *" $_gatepost_first "* ]]; }; then
        _gatepost_files
        return
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
}

complete -F _gatepost gatepost
