"""``video``: films of what a candidate's policy does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from reward_synth.cli import options
from reward_synth.core.errors import RewardSynthError

if TYPE_CHECKING:
    from reward_synth.search.films import Which


def video(
    run: options.RunName = "latest",
    candidate: options.CandidateName = None,
    best: Annotated[bool, typer.Option("--best", help="Of its best evaluation episode.")] = False,
    median: Annotated[bool, typer.Option("--median", help="Of the median one.")] = False,
    worst: Annotated[bool, typer.Option("--worst", help="Of the worst one.")] = False,
    episodes: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=100, help="Of so many evaluation episodes, evenly from worst to best."),
    ] = 0,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="One film through the training: an episode of each evaluation.")
    ] = False,
    attack: Annotated[
        bool, typer.Option("--attack", help="Of each episode that shows a finding of the attack on its reward.")
    ] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="Width and height, in pixels.")] = "480x360",
    fps: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            min=1.0,
            max=100.0,
            help="Pictures a second, at most; 5 where a step is longer than 0.2 s.",
        ),
    ] = 25.0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write the films; the candidate's own folder if not given."),
    ] = None,
    env: options.EnvFile = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = False,
    runs_dir: options.RunsDir = None,
) -> None:
    """Films of a candidate: its best and its median evaluation episode, if not told otherwise."""
    asked = {"best": best, "median": median, "worst": worst, "checkpoints": checkpoints, "attack": attack}
    wanted = [name for name, told in asked.items() if told] or ([] if episodes else ["best", "median"])
    found = options.open_run(run, runs_dir)
    found.name_environment(env)
    films = found.film(
        candidate, cast("list[Which]", wanted), episodes=episodes, size=_size(size), fps=fps, folder=out,
        unsafe_no_sandbox=unsafe_no_sandbox,
    )  # fmt: skip
    from reward_synth.search.films import OTHER, film_of

    for path in films:
        typer.echo(str(path))
        if not film_of(path).same:
            typer.echo(f"warning: {path.name} shows another episode: {OTHER}", err=True)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text.strip().lower())
    if match is None:
        raise RewardSynthError(f"{text!r} is no size of a film", "write it as 480x360, in pixels")
    return int(match[1]), int(match[2])
