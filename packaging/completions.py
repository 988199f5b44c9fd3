#!/usr/bin/python3
"""Writes the completions of bash, zsh and fish: completions.py BINARY TABLES FOLDER.

All three are lists: commands and options as the binary tells them, keys from the table. What follows
them is the same for every version: packaging/completion.bash, .zsh and .fish."""
import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import tables  # noqa: E402

HERE = Path(__file__).resolve().parent
FILES = {"completion.bash": "gatepost", "completion.zsh": "_gatepost",
         "completion.fish": "gatepost.fish"}


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def values_of(key):
    """What may stand behind section.key=, where that is a list."""
    if key.kind == "FLAG":
        return ["yes", "no"]
    return key.unit.split("|") if key.kind == "CHOICE" else []


def option_words(options):
    return " ".join(option.word for option in options)


def file_options(words):
    """Options whose value is a file."""
    options = [option for commands, _ in words.groups.values() for command in commands
               for option in command.options]
    return " ".join(sorted({one.word for one in options if one.value == "FILE"}))


def value_lists(words):
    """{option: its values} of those that name them: "a|b"."""
    options = [option for commands, _ in words.groups.values() for command in commands
               for option in command.options]
    return {one.word: one.value.replace("|", " ") for one in options if "|" in one.value}


def shell_lists(words, keys):
    """Arrays that bash and zsh read alike. A command of a group has the name "group command"."""
    yield f"_gatepost_commands={quoted(' '.join(one.name for one in words.commands))}"
    yield f"_gatepost_keys={quoted(' '.join(f'{key.section}.{key.name}' for key in keys))}"
    yield f"_gatepost_file_options={quoted('-c ' + file_options(words))}"
    yield "typeset -gA _gatepost_group _gatepost_options _gatepost_values _gatepost_choices"
    for group, (commands, _) in words.groups.items():
        yield f"_gatepost_group[{group}]={quoted(' '.join(one.name for one in commands))}"
        for command in commands:
            yield (f"_gatepost_options[{group}.{command.name}]="
                   f"{quoted(option_words(command.options))}")
    for name, options in words.single.items():
        yield f"_gatepost_options[{name}.]={quoted(option_words(options))}"
    takes_files = [one.name for one in words.commands
                   if one.name not in words.groups and re.search("[A-Z]", one.operands)]
    yield f"_gatepost_takes_files={quoted(' '.join(takes_files))}"
    for key in keys:
        if values_of(key):
            yield f"_gatepost_values[{key.section}.{key.name}]={quoted(' '.join(values_of(key)))}"
    for word, values in value_lists(words).items():
        yield f"_gatepost_choices[{word}]={quoted(values)}"


def fish_lists(words, keys):
    complete = "complete -c gatepost"
    for command in words.commands:
        yield f"{complete} -n __fish_use_subcommand -a {command.name} -d {quoted(command.text)}"
    for name, options in words.single.items():
        for option in options:
            yield f"{complete} -n '__fish_seen_subcommand_from {name}' -l {option.word[2:]}"
    for group, (commands, _) in words.groups.items():
        names = " ".join(one.name for one in commands)
        for command in commands:
            yield (f"{complete} -n '__fish_seen_subcommand_from {group}; and not "
                   f"__fish_seen_subcommand_from {names}' -a {command.name} "
                   f"-d {quoted(command.text)}")
            for option in command.options:
                value = " -r" if option.value == "FILE" else " -x" if option.value else ""
                if "|" in option.value:
                    value += f" -a {quoted(option.value.replace('|', ' '))}"
                yield (f"{complete} -n '__gatepost_is {group} {command.name}' "
                       f"-l {option.word[2:]}{value}")
    yield "set -g __gatepost_keys " + " ".join(f"{key.section}.{key.name}=" for key in keys)


if __name__ == "__main__":
    words = tables.Words(os.path.abspath(sys.argv[1]))
    keys, _ = tables.read(os.path.abspath(sys.argv[2]))
    folder = Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        lists = fish_lists(words, keys) if source.endswith(".fish") else shell_lists(words, keys)
        text = (HERE / source).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("@LISTS@", "\n".join(lists)), encoding="utf-8")
