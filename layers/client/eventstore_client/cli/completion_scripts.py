"""The scripts of `eventstore completion`. Each shell finds the command that is typed, and offers what may follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eventstore_client.cli.completion_places import Option, Place

__all__ = ["SCRIPTS"]

_BASH_LOOP = "for ((number = 1; number < COMP_CWORD; number++)); do word=${COMP_WORDS[number]}"
_ZSH_LOOP = "for ((number = 2; number < CURRENT; number++)); do word=${words[number]}"


def _bash(places: Sequence[Place]) -> Iterator[str]:
    yield "# bash completion of eventstore"
    yield "_eventstore() {"
    yield "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    local chain= word number words= options= files="
    # bash splits `--output=json` at the equals sign.
    yield "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}"
    yield "    [[ $current == = ]] && current="
    yield "    COMPREPLY=()"
    yield from _find_chain(places, _BASH_LOOP, after_exec="compopt -o default 2>/dev/null; return")
    yield "    local IFS=$'\\n'"
    yield '    case "$chain $before" in'
    for patterns, option in _values(places):
        if option.choices:
            answer = f"COMPREPLY=($(compgen -W $'{_lines(option.choices)}' -- \"$current\"))"
        else:
            answer = (
                'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current"))' if option.is_file else ""
            )
        yield f"        {patterns}) {answer + '; ' if answer else ''}return ;;"
    yield "    esac"
    yield '    case "$chain" in'
    for place in places:
        words = f"words=$'{_lines(word for word, _ in place.words)}'"
        options = f"options=$'{_lines(option.text for option in place.options)}'"
        yield f"        '{place.path}') {words} {options} files={'1' if place.takes_file else ''} ;;"
    yield "    esac"
    yield "    [[ $current == -* ]] && words=$options"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "    if [[ $files && $current != -* ]]; then"
    yield '        compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$current"))'
    yield "    fi"
    yield "}"
    yield "complete -F _eventstore eventstore"


def _zsh(places: Sequence[Place]) -> Iterator[str]:
    yield "#compdef eventstore"
    yield "_eventstore() {"
    yield "    local current=${words[CURRENT]} before=${words[CURRENT-1]} chain= word number files="
    yield "    local -a found options"
    yield "    if [[ $current == --*=* ]]; then before=${current%%=*}; compset -P '*='; fi"
    yield from _find_chain(places, _ZSH_LOOP, after_exec="_files; return")
    yield '    case "$chain $before" in'
    for patterns, option in _values(places):
        answer = f"compadd -- {' '.join(option.choices)}; " if option.choices else "_files; " if option.is_file else ""
        yield f"        {patterns}) {answer}return ;;"
    yield "    esac"
    yield '    case "$chain" in'
    for place in places:
        words = " ".join(f"'{word}:{meaning}'" for word, meaning in place.words)
        options = " ".join(f"'{option.text}:{option.meaning}'" for option in place.options)
        yield f"        '{place.path}') found=({words}) options=({options}) files={'1' if place.takes_file else ''} ;;"
    yield "    esac"
    yield "    if [[ $current == -* ]]; then _describe -o option options; return; fi"
    yield "    (( $#found )) && _describe command found"
    yield "    [[ -n $files ]] && _files"
    yield "}"
    # From a folder of `fpath`, the file is the body of the function; from `eval`, it defines it.
    yield 'if [[ $funcstack[1] == _eventstore ]]; then _eventstore "$@"; else compdef _eventstore eventstore; fi'


def _fish(places: Sequence[Place]) -> Iterator[str]:
    yield "# fish completion of eventstore"
    yield "function __eventstore_chain"
    yield "    set -l chain ''"
    yield "    for word in (commandline -opc)[2..-1]"
    yield '        switch "$chain/$word"'
    for place in places:
        if place.below:
            names = [f"'{place.path}/{name}'" for name in place.below]
            yield f"            case {' '.join(names)}"
            yield '                set chain (string trim -- "$chain $word")'
    yield "        end"
    yield "    end"
    yield '    echo "$chain"'
    yield "end"
    yield "function __eventstore_at"
    yield '    test "$argv" = (__eventstore_chain)'
    yield "end"
    yield "complete -c eventstore -e"
    yield "complete -c eventstore -f"
    for place in places:
        start = f"complete -c eventstore -n '__eventstore_at {place.path}'"
        for word, meaning in place.words:
            yield f"{start} -a '{word}'" + (f" -d '{meaning}'" if meaning else "")
        if place.takes_file:
            yield f"{start} -F"
        for option in place.options:
            value = f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r -F" if option.is_file else " -x"
            yield f"{start} -l {option.text[2:]}{value if option.has_value else ''} -d '{option.meaning}'"


def _find_chain(places: Sequence[Place], loop: str, *, after_exec: str) -> Iterator[str]:
    """Iterate over the lines of a loop that finds the command which is typed, as `chain`."""
    yield f"    {loop}"
    yield f"        [[ $word == --exec ]] && {{ {after_exec}; }}"
    yield '        case "$chain/$word" in'
    names = [f"'{place.path}/{name}'" for place in places for name in place.below]
    yield f"            {'|'.join(names)}) chain=${{chain:+$chain }}$word ;;"
    yield "        esac"
    yield "    done"


def _values(places: Sequence[Place]) -> Iterator[tuple[str, Option]]:
    """Iterate over the options that have values, with the patterns of the places where they are the same."""
    found: dict[tuple[str, tuple[str, ...], bool], tuple[list[str], Option]] = {}
    for place in places:
        for option in place.options:
            if option.has_value:
                key = (option.text, tuple(option.choices), option.is_file)
                found.setdefault(key, ([], option))[0].append(f"'{place.path} {option.text}'")
    for patterns, option in found.values():
        yield "|".join(patterns), option


def _lines(words: Iterable[str]) -> str:
    return "\\n".join(words)


SCRIPTS: Mapping[str, Callable[[Sequence[Place]], Iterator[str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
