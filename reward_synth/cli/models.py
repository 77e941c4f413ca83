"""``models``: list the language models, say which can be used now, and try one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.text import print_json, print_table
from reward_synth.core.number_format import dollars
from reward_synth.display.text import printable

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Language models.")


@app.command("ls")
def ls(json: options.Json = False) -> None:
    """The kinds of models, and which of them could be used now."""
    from reward_synth.llm import default_model
    from reward_synth.llm.catalogue import available_models
    from reward_synth.settings.sources import load_settings

    load_settings({})  # Loads keys from .env.
    chosen, reason = default_model()
    models = available_models()
    if json:
        print_json([model.model_dump(mode="json") | {"default": model.name == chosen} for model in models])
        return
    rows = [(model.name, "ready" if model.ready else "not ready", model.note) for model in models]
    print_table(("model", "", ""), rows)
    typer.echo(f"\nWithout --model: {chosen} ({reason}). Any other litellm name works too.", err=True)


@app.command("pull")
def pull() -> None:
    """Fetch the embedded model's weights (1.1 GB); goes on where it stopped."""
    from reward_synth.llm import weights

    with _download() as progress:
        path = weights.pull(progress=progress)
    typer.echo(str(path))


@app.command("test")
def test(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The default one if not given.")] = None,
    base_url: options.BaseUrl = None,
    json: options.Json = False,
) -> None:
    """Make one tiny call: does the model answer, how fast, at what price?"""
    from reward_synth.llm import default_model
    from reward_synth.llm.catalogue import try_model
    from reward_synth.settings.sources import load_settings

    settings = load_settings({"model": name, "base_url": base_url}).settings
    with _download() as progress:
        chosen = settings.model or default_model()[0]
        reply = try_model(chosen, base_url=settings.base_url, progress=progress)
    if json:
        print_json(reply.model_dump(mode="json"))
        return
    tokens = f"{reply.prompt_tokens} + {reply.completion_tokens} tokens"
    typer.echo(f"{reply.model} answered in {reply.seconds:.1f} s ({tokens}, {dollars(reply.usd)}):")
    typer.echo(printable(reply.text.strip()))


@contextmanager
def _download() -> Iterator[Callable[[int, int], None]]:
    """A function that shows the progress of a download on one line of stderr."""
    shown = -1

    def progress(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if percent != shown:
            shown = percent
            typer.echo(f"\r{done / 1e6:,.0f} of {total / 1e6:,.0f} MB ({percent} %)", err=True, nl=False)

    try:
        yield progress
    finally:
        if shown >= 0:
            typer.echo("", err=True)
