"""An audit on one page that needs no other file and no network."""

from __future__ import annotations

from pathlib import Path

from reward_synth.audit.record import Audit
from reward_synth.core.files import write_text
from reward_synth.report.html import page


def write_audit(audit: Audit, path: Path) -> None:
    """Write the page; it appears whole or not at all."""
    write_text(path, page("audit.html.j2", audit=audit))
