"""Scenes without visuals, for machines without a rendering device and for processes that draw nothing.

ManiSkill makes colours and meshes for the renderer even if ``render_backend`` is ``none``, and these need a Vulkan
device that SAPIEN accepts. A scene's dynamics depend on collision shapes, masses and joints, which need no device.
This module needs the extra ``maniskill``, so import it only where it is used.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

with warnings.catch_warnings():
    # This hides "Failed to find system libvulkan": SAPIEN brings its own, and mostly nothing is drawn at all.
    warnings.simplefilter("ignore")
    import sapien
    import sapien.render
    from sapien.wrapper import urdf_loader
    from sapien.wrapper.actor_builder import ActorBuilder

VISUALS = tuple(name for name in vars(ActorBuilder) if name.startswith("add_") and "visual" in name)
"""Methods that add visuals to an actor or to a link of a robot."""


class NoMaterial:
    """Replaces a material of the renderer: it accepts any arguments and attributes, and does nothing with them."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


@contextmanager
def without_visuals() -> Iterator[None]:
    """Build scenes from collision shapes alone inside the ``with`` block, without looking for a rendering device.

    Inside the block, names in SAPIEN's modules are replaced, so no other thread may build a scene with visuals.
    """
    with ExitStack() as stack:
        # Each of these modules has its own reference to the class.
        for module in (sapien.render, sapien.pysapien.render, urdf_loader):
            stack.enter_context(_replaced(module, "RenderMaterial", NoMaterial))
        for name in VISUALS:
            stack.enter_context(_replaced(ActorBuilder, name, _add_nothing))
        yield


@functools.cache
def find_device() -> str:
    """Empty if there is a rendering device that SAPIEN accepts, else its error. The first call loads Vulkan drivers."""
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
