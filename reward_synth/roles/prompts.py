"""Prompts are Jinja2 templates in ``prompts/``; a person may override each of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.resources import data_dir


class Templates(ImmutableSandboxedEnvironment):
    """Jinja2 for untrusted templates: a resumed run brings its own, and the run may come from somebody else.

    Jinja2's sandbox hides names that begin with an underscore. It allows the public methods of every object, and
    pydantic's models have one that unpickles. So only the methods of plain data and ``as_text`` are allowed here.
    """

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """True if a template may use ``obj.attr``."""
        plain = type(obj) in (str, dict, list, tuple) or attr == "as_text"
        return super().is_safe_attribute(obj, attr, value) and (plain or not callable(value))


class Prompts:
    """Renders templates. A name without a value is an error, never an empty string.

    :param override_dir: folder that is searched first (``--prompts DIR``). A file in it replaces the shipped template
        of the same name; all other templates stay.
    """

    def __init__(self, override_dir: Path | None = None) -> None:
        self.override_dir = override_dir
        if override_dir is not None and not override_dir.is_dir():
            raise RewardSynthError(
                f"the prompts folder {override_dir} does not exist",
                f"copy the templates to change from {data_dir('prompts')} into it",
            )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders with templates; the first match wins."""
        shipped = data_dir("prompts")
        return (shipped,) if self.override_dir is None else (self.override_dir, shipped)

    def files(self) -> dict[str, str]:
        """Every template's text by name, overrides included, as a run freezes them."""
        texts: dict[str, str] = {}
        for folder in reversed(self.folders):
            for path in sorted(folder.rglob("*")):
                # A person's folder may hold anything. Only files that replace a template belong to a run.
                known = folder == self.folders[-1] or path.relative_to(folder).as_posix() in texts
                if path.is_file() and known and "__pycache__" not in path.parts:
                    texts[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        return texts

    @cached_property
    def _environment(self) -> jinja2.Environment:
        environment = Templates(
            loader=jinja2.FileSystemLoader(self.folders),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
        )
        environment.filters["numbered"] = numbered
        return environment

    def render(self, name: str, **values: Any) -> str:
        """The text of template ``name`` (``designer/design.md.j2``) with ``values`` filled in.

        :raises RewardSynthError: there is no such template, or it cannot be rendered (usually a person's override).
        """
        try:
            return self._environment.get_template(name).render(**values).strip() + "\n"
        except jinja2.TemplateNotFound as error:
            raise RewardSynthError(f"there is no prompt template {error.name}") from error
        except jinja2.TemplateError as error:
            where = getattr(error, "lineno", None)
            raise RewardSynthError(
                f"prompt template {name} cannot be rendered: {error.message or error}",
                f"see line {where}" if where else "compare your override with the shipped template",
            ) from error

    def lines(self, name: str) -> tuple[str, ...]:
        """The non-empty lines of a plain text file among the templates; ``#`` starts a comment."""
        for folder in self.folders:
            if (folder / name).is_file():
                text = (folder / name).read_text(encoding="utf-8")
                return tuple(line.strip() for line in text.splitlines() if line.strip() and line[0] != "#")
        raise RewardSynthError(f"there is no prompt file {name}")


def numbered(source: str) -> str:
    """Source with line numbers, counted as in findings."""
    lines = source.rstrip("\n").split("\n")
    return "\n".join(f"{number:3d}| {line}".rstrip() for number, line in enumerate(lines, 1))
