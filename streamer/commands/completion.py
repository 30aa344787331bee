"""streamer completion: what a shell needs to complete our words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from streamer.commands.options import CONTEXT, DEBUG


@click.command("completion", context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@DEBUG
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete streamer's commands and options.

    \b
    bash: streamer completion bash >> ~/.bashrc
    zsh:  streamer completion zsh >> ~/.zshrc
    fish: streamer completion fish > ~/.config/fish/completions/streamer.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "streamer", "_STREAMER_COMPLETE").source())
