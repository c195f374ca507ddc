"""What waits for its verdict while a campaign goes on: confirmed first, then minimised, within a share of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from mlfuzz.codefuzz.account import Account
from mlfuzz.codefuzz.campaign.harness_state import Standing
from mlfuzz.codefuzz.harness.engine import Session
from mlfuzz.codefuzz.triage.confirm import explain, settle, shrink
from mlfuzz.errors import BadInputError, ReplayError, TargetError, WorkerLostError
from mlfuzz.events import Confirmed, Event, Shrunk, Warned
from mlfuzz.findings.store import FindingStore

SHRINK_SECONDS = 2.0
WRAP_UP_SHARE, WRAP_UP_SECONDS = 0.2, 5.0
"""After the time is up findings may still be confirmed: a fifth of the time, at least 5 s."""

HURRY_SECONDS = 2.0
"""The same for somebody who has pressed Ctrl-C."""


class Settling:
    """Of one campaign; several workers may use it. share: of the time since the first harness was ready."""

    def __init__(
        self, store: FindingStore, account: Account, guard: threading.RLock, tell: Callable[[Event], None], share: float
    ) -> None:
        self._store, self._account, self._guard, self._tell, self._share = store, account, guard, tell, share
        self._spent = 0.0

    def some(self, standing: Standing, session: Session, elapsed: float, stop: Callable[[], bool]) -> None:
        """As many as the share of the time allows. elapsed: seconds of the campaign so far."""
        began = time.monotonic()
        while standing.unsettled and not stop():
            grace = SHRINK_SECONDS if standing.waiting or standing.quick else 0.0
            if self._spent > self._share * (elapsed + time.monotonic() - began) + grace:
                return
            self.next(standing, session)

    def wrap_up(self, open_ones: Sequence[tuple[Standing, Session]], total: float, *, hurry: bool) -> None:
        """What is left, of all harnesses the unconfirmed ones first. total: seconds of the campaign."""
        until = time.monotonic() + (HURRY_SECONDS if hurry else max(WRAP_UP_SECONDS, WRAP_UP_SHARE * total))
        for unconfirmed in (True, False):
            for standing, session in open_ones:
                queue = standing.waiting if unconfirmed else standing.large
                while queue and time.monotonic() < until and not standing.broken:
                    # What hangs costs its limit at each try: it comes last, and gets what is left.
                    self.next(standing, session, seconds=max(SHRINK_SECONDS, until - time.monotonic()))

    def next(self, standing: Standing, session: Session, *, seconds: float = SHRINK_SECONDS) -> None:
        """One step for one finding; each is stored as soon as it is known. seconds: for minimising."""
        with self._guard:
            if not standing.unsettled:
                return
            confirming = bool(standing.waiting)
            finding = self._store.load(standing.next())
        began = time.monotonic()
        try:
            if confirming:
                settled = settle(self._store, finding, session, seconds=0.0)
            else:
                settled = shrink(self._store, finding, session, seconds=seconds)
            settled = explain(self._store, settled, standing.harness)
        except (TargetError, BadInputError, ReplayError, WorkerLostError) as error:
            self._tell(Warned(f"finding {finding.id[:10]} could not be run again: {error}"))
            return
        finally:
            spent = time.monotonic() - began
            with self._guard:
                self._spent += spent
                self._account.spend("confirm" if confirming else "minimise", spent)
        with self._guard:
            standing.known.setdefault(settled.key, settled.id)
            if confirming and settled.verdict == "confirmed":
                standing.enlarge(settled)
        self._tell(Confirmed(settled) if confirming else Shrunk(settled))
