"""``tasks``, ``models``, ``config``: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.options import Json
from reward_synth.cli.text import print_json, print_table

tasks_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The tasks that are shipped.")
models_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Language models.")
config_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Settings.")


@tasks_app.command("ls")
def tasks_ls(json: Json = False) -> None:
    """List the task specs."""
    from reward_synth.tasks.spec import list_tasks

    specs = list_tasks()
    if json:
        print_json([spec.model_dump(mode="json") for spec in specs])
    else:
        rows = [(spec.name, spec.environment.id, f"{spec.training.steps:,}", spec.goal) for spec in specs]
        print_table(("task", "environment", "steps", "goal"), rows)


@tasks_app.command("show")
def tasks_show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task's name, or a YAML file.")], json: Json = False
) -> None:
    """Show a task spec: goal, environment, success, fitness, budget."""
    from reward_synth.display.progress import printable
    from reward_synth.tasks.spec import load_task

    spec = load_task(task)
    if json:
        print_json(spec.model_dump(mode="json"))
        return
    for name, value in spec.model_dump(mode="json").items():
        if value in ("", [], {}, None, False):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items() if item not in ({}, None))
        text = printable("; ".join(value) if isinstance(value, list) else str(value).strip())
        typer.echo(f"{name}:\n    " + text.replace("\n", "\n    ") if "\n" in text else f"{name}: {text}")


@models_app.command("ls")
def models_ls(json: Json = False) -> None:
    """The kinds of models, and which of them could be used now."""
    from reward_synth.llm import default_model
    from reward_synth.llm.catalogue import available_models
    from reward_synth.settings.model import load_settings

    load_settings({})  # takes keys from .env
    chosen, reason = default_model()
    models = available_models()
    if json:
        print_json([model.model_dump(mode="json") | {"default": model.name == chosen} for model in models])
        return
    rows = [(model.name, "ready" if model.ready else "not ready", model.note) for model in models]
    print_table(("model", "", ""), rows)
    typer.echo(f"\nWithout --model: {chosen} ({reason}). Any other litellm name works too.", err=True)


@models_app.command("pull")
def models_pull() -> None:
    """Fetch the embedded model's weights (1.1 GB); goes on where it stopped."""
    from reward_synth.llm.catalogue import pull

    with _download() as progress:
        path = pull(progress)
    typer.echo(str(path))


@contextmanager
def _download() -> Iterator[Callable[[int, int], None]]:
    """A function that shows how far a download is, on one line of stderr."""
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


@models_app.command("test")
def models_test(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The default one if not given.")] = None,
    base_url: options.BaseUrl = None,
    json: Json = False,
) -> None:
    """Make one tiny call: does the model answer, how fast, at what price?"""
    from reward_synth.display.progress import dollars, printable
    from reward_synth.llm import default_model
    from reward_synth.llm.catalogue import test_model
    from reward_synth.settings.model import load_settings

    settings = load_settings({"model": name, "base_url": base_url}).settings
    with _download() as progress:
        chosen = settings.model or default_model()[0]
        reply = test_model(chosen, base_url=settings.base_url, progress=progress)
    if json:
        print_json(reply.model_dump(mode="json"))
        return
    tokens = f"{reply.prompt_tokens} + {reply.completion_tokens} tokens"
    typer.echo(f"{reply.model} answered in {reply.seconds:.1f} s ({tokens}, {dollars(reply.usd)}):")
    typer.echo(printable(reply.text.strip()))


@config_app.command("show")
def config_show(
    set_values: options.Set = None,
    json: Json = False,
) -> None:
    """Every setting, its value here and now, and where it came from."""
    from reward_synth.settings.model import load_settings

    resolved = load_settings(options.overrides({"set_values": set_values}))
    values = resolved.settings.model_dump(mode="json")
    if json:
        print_json({name: {"value": value, "origin": resolved.origins[name]} for name, value in values.items()})
        return
    rows = [(name, "" if value in (None, {}) else str(value), resolved.origins[name]) for name, value in values.items()]
    print_table(("setting", "value", "from"), rows)
