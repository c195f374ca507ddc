"""The worker processes of a campaign, for tests that kill them."""

from __future__ import annotations

from pathlib import Path


def workers_of(folder: Path) -> list[int]:
    """Processes whose order names this campaign."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"mlfuzz.campaign.worker" in command and str(folder).encode() in command:
                found.append(int(entry.name))
    return found
