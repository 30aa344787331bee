"""streamer completion: what a shell needs to complete our words, and what their values may be.

A parameter of one name means the same in every command, so its values stand here once, by that name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import get_args

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    _resolve_context,
    _resolve_incomplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from streamer.base.reading import UNITS, WEIGHTINGS
from streamer.commands.options import CONTEXT, DEBUG
from streamer.detectors.copies import COPIES
from streamer.detectors.registry import KINDS

FILE: CompletionItem = CompletionItem("", type="file")  # the shell knows better
SOURCE_WORDS = {"mic": "the default microphone", "sim:": "a made-up signal", "cmd:": "a program's output"}


def list_sources(incomplete: str) -> Mapping[str, str]:
    """None for a file, which a source is unless it has begun as something else."""
    if incomplete.startswith("mic:"):
        from streamer.sources.mic import list_devices

        return {f"mic:{device.name}": device.host_api for device in list_devices()}
    return SOURCE_WORDS if incomplete else {}


def list_plans(_incomplete: str) -> Mapping[str, str]:
    from streamer.plans import plan

    return {name: plan.describe_plan(path) for name, path in plan.list_plans().items()}


def list_profiles(_incomplete: str) -> Mapping[str, str]:
    from streamer.commands.live import load_settings
    from streamer.plans.plan import describe_plan

    return {name: describe_plan(path) for name, path in load_settings.list_profiles().items()}


def list_bands(_incomplete: str) -> Mapping[str, str]:
    from streamer.plans.bands import explain_words

    return {word.example: word.meaning for word in explain_words()}


def list_topics(_incomplete: str) -> Mapping[str, str]:
    from streamer.commands.guide import list_pages, read_summary

    return {name: read_summary(text) for name, text in list_pages().items()}


def list_sample_formats(_incomplete: str) -> Iterable[str]:
    from streamer.sources.spec import RAW_FORMATS

    return RAW_FORMATS


def list_windows(_incomplete: str) -> Iterable[str]:
    from streamer.commands.live.settings import COMMON_WINDOWS

    return COMMON_WINDOWS


def list_scales(_incomplete: str) -> Iterable[str]:
    from streamer.analysis.values import Scale

    return get_args(Scale)


def list_calibrations(_incomplete: str) -> Iterable[str]:
    from streamer.sources.calibration import load_calibrations

    return dict.fromkeys(each.device for each in load_calibrations())


def list_nothing(_incomplete: str) -> Iterable[str]:
    return ()


def offer(*words: str) -> Callable[[str], Iterable[str]]:
    return lambda _incomplete: words


# Name of a parameter -> what it may be, with what each means, and whether it may be a file too.
VALUES: dict[str, tuple[Callable[[str], Mapping[str, str] | Iterable[str]], bool]] = {
    "source": (list_sources, True),
    "files": (list_sources, True),
    "plans": (list_plans, True),
    "names": (list_plans, True),  # of plan check
    "name": (list_plans, True),  # of plan show
    "profile": (list_profiles, False),
    "bands": (list_bands, False),
    "spec": (list_bands, False),
    "topic": (list_topics, False),
    "window": (list_windows, False),
    "sample_format": (list_sample_formats, False),
    "unit": (offer(*UNITS), False),
    "weighting": (offer(*WEIGHTINGS), False),
    "calibration": (list_calibrations, False),
    "scale": (list_scales, False),
    "dtype": (offer("float32", "float64"), False),
    "dashboard": (offer("auto", "on", "off"), False),
    "channels": (offer("1", "1,2", "all", "mix"), False),
    "speed": (offer("1", "max"), False),
    "copies": (offer(*COPIES), False),
    "workers": (offer("auto", "1", "2", "4"), False),
    "schema": (offer("plan", "event"), False),
    "keys": (offer(*KINDS), False),
    **dict.fromkeys(("output", "outputs", "config", "file"), (list_nothing, True)),
}


def complete_value(parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What this parameter may be and begins so; nothing where that cannot be told."""
    find, may_be_file = VALUES.get(parameter.name or "", (list_nothing, False))
    words: Mapping[str, str] = {}
    with suppress(Exception):  # a shell in the middle of a line has no use for an error
        found = find(incomplete)
        words = found if isinstance(found, Mapping) else dict.fromkeys(found, "")
    items = [
        CompletionItem(word, help=meaning or None)
        for word, meaning in words.items()
        if word.startswith(incomplete)
    ]
    return items or [FILE] * may_be_file


class _OurValues(ShellComplete):
    """Whatever the shell, values come from VALUES."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        context = _resolve_context(self.cli, self.ctx_args, self.prog_name, args)
        what, word = _resolve_incomplete(context, args, incomplete)
        found = what.shell_complete(context, word)
        return found or (complete_value(what, word) if isinstance(what, click.Parameter) else [])


# Bash takes `mic:usb` for three words, and completes the last of them: so the line is looked at instead.
BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' item
    COMPREPLY=()
    for item in $(env COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
                  %(complete_var)s=bash_complete "$1"); do
        case $item in
            file,*) compopt -o default ;;
            plain,*:) compopt -o nospace; COMPREPLY+=("${item#plain,}") ;;
            plain,*) COMPREPLY+=("${item#plain,}") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(_OurValues, BashComplete):
    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1].isspace() else ""
        value = incomplete.partition("=")[2] if incomplete.startswith("--") else incomplete
        breaks = set(os.environ.get("COMP_BREAKS", "")) & set(value)
        self._n_cut = max(
            (value.rindex(mark) + 1 for mark in breaks), default=0
        )  # bash has that much already
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        value = item.value if item.value.startswith("--") else item.value[self._n_cut :]
        return f"{item.type},{value}"


# What stands before a = stays, and what ends in a colon goes on: no space behind it.
ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a whole open told response
    local type key descr
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
              %(complete_var)s=zsh_complete %(prog_name)s)}")
    [[ $PREFIX == --*=* ]] && compset -P '*='
    for type key descr in ${response}; do
        case $type in
            file) _path_files -f ;;
            dir) _path_files -/ ;;
            plain)
                if [[ $key == *: ]]; then open+=("$key:$descr")
                elif [[ $descr == _ ]]; then whole+=("$key")
                else told+=("$key:$descr"); fi ;;
        esac
    done
    (( $#told )) && _describe -V unsorted told
    (( $#open )) && _describe -V unsorted open -S ''
    (( $#whole )) && compadd -V unsorted -a whole
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Zsh(_OurValues, ZshComplete):
    source_template = ZSH


FISH = """\
function %(complete_func)s
    set -l word (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' "$word"; or echo "")
    set -l typed (string unescape -- (string replace -- "$option" "" "$word"))
    for item in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD="$word" %(prog_name)s)
        set -l parts (string split -m 1 "," -- $item)
        switch $parts[1]
            case file
                for path in (__fish_complete_path "$typed"); echo "$option$path"; end
            case dir
                for path in (__fish_complete_directories "$typed"); echo "$option$path"; end
            case plain
                echo "$option$parts[2]"
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Fish(_OurValues, FishComplete):
    source_template = FISH


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
for _name, _kind in SHELLS.items():
    add_completion_class(_kind, _name)


@click.command("completion", context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(list(SHELLS)))
@DEBUG
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete streamer's commands, options and their values.

    \b
    bash: streamer completion bash >> ~/.bashrc
    zsh:  streamer completion zsh >> ~/.zshrc
    fish: streamer completion fish > ~/.config/fish/completions/streamer.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "streamer", "_STREAMER_COMPLETE").source())
