"""Scenes without anything to look at, for machines without a rendering device and for processes that draw nothing.

ManiSkill makes colours and meshes for the renderer even where ``render_backend`` is ``none``, and these need a Vulkan
device that SAPIEN accepts. What a scene's dynamics depend on, which is collision shapes, masses and joints, needs none.
It needs the extra ``maniskill``; import it where it is used.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

with warnings.catch_warnings():
    # "Failed to find system libvulkan": SAPIEN brings its own, and mostly nothing is drawn at all.
    warnings.simplefilter("ignore")
    import sapien
    import sapien.render
    from sapien.wrapper import urdf_loader
    from sapien.wrapper.actor_builder import ActorBuilder

VISUALS = tuple(name for name in vars(ActorBuilder) if name.startswith("add_") and "visual" in name)
"""Methods that add something to look at to an actor or to a link of a robot."""


class NoMaterial:
    """Stands for a material of the renderer: takes any arguments and attributes, and does nothing with them."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


@contextmanager
def without_visuals() -> Iterator[None]:
    """Within it, scenes are built from collision shapes alone, and no rendering device is looked for.

    It replaces names in SAPIEN's modules for as long as it lasts. Threads that build scenes to look at must wait.
    """
    with ExitStack() as stack:
        # Each of these modules has the name for itself.
        for module in (sapien.render, sapien.pysapien.render, urdf_loader):
            stack.enter_context(_replaced(module, "RenderMaterial", NoMaterial))
        for name in VISUALS:
            stack.enter_context(_replaced(ActorBuilder, name, _add_nothing))
        yield


@functools.cache
def find_device() -> str:
    """Empty if there is a rendering device that SAPIEN accepts, else what it says. Loads Vulkan drivers at first."""
    try:
        sapien.render.RenderMaterial()
    except RuntimeError as error:
        return str(error)
    return ""


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _add_nothing(builder: ActorBuilder, *_: Any, **__: Any) -> ActorBuilder:
    return builder
