"""``run``: search for a reward."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from reward_synth.cli import options
from reward_synth.cli.asking import console_ask, console_confirm
from reward_synth.cli.ending import finish, resumable
from reward_synth.cli.options import Json

Goal = Annotated[
    str, typer.Argument(metavar="GOAL", help="What the robot shall do, in quotes; may be left out with --task.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done and what it would cost; do nothing.")]


def run(
    goal: Goal = "",
    task: options.Task = None,
    env: options.Env = None,
    method: options.Method = None,
    model: options.Model = None,
    base_url: options.BaseUrl = None,
    temperature: options.Temperature = None,
    critic: options.Critic = None,
    shots: options.Shots = None,
    repairs: options.Repairs = None,
    prompts: options.Prompts = None,
    iterations: options.Iterations = None,
    samples: options.Samples = None,
    seeds: options.Seeds = None,
    steps: options.Steps = None,
    learner: options.Learner = None,
    scale: options.Scale = None,
    budget: options.Budget = None,
    time_limit: options.TimeLimit = None,
    rungs: options.Rungs = None,
    keep_going: options.KeepGoing = None,
    final_seeds: options.FinalSeeds = None,
    feedback: options.FeedbackMode = None,
    feedback_timeout: options.FeedbackTimeout = None,
    yes: options.Yes = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    jobs: options.Jobs = None,
    executor: options.Executor = None,
    seed: options.Seed = None,
    runs_dir: options.RunsDir = None,
    display: options.DisplayKind = None,
    set_values: options.Set = None,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Search for a reward that makes GOAL come true, and train its policy."""
    typed = dict(locals())  # every option by its name, before anything else has one

    from reward_synth.api import run as api
    from reward_synth.settings.model import load_settings

    resolved = load_settings(options.overrides(typed))
    if dry_run:
        from reward_synth.cli.dry_run import print_plan

        print_plan(goal, resolved, as_json=json)
        return
    with resumable() as made:
        found = api.start(
            goal,
            resolved,
            command=shlex.join(["reward-synth", *sys.argv[1:]]),
            ask=console_ask(),
            confirm=console_confirm(),
            on_created=made,
        )
    finish(found)
