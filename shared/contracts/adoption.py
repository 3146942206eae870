"""Facts of adoption: which part of the government uses which offering, and how far it has come."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact, Visibility


class AdoptionFact(Fact):
    """An adoption as it is after the change. `phase` in M3 terms; public when its source is a public register."""

    adoption_id: str
    agency_id: str
    agency_name: str | None = None
    offering_id: str
    offering_code: str
    offering_revision: int
    focus_areas: tuple[str, ...] = ()
    status: str
    phase: str
    started_on: date
    live_on: date | None = None
    authorized_until: date | None = None
    letters: int = 0
    source: str | None = None
    reason: str | None = None

    @property
    def focus_area(self) -> str | None:
        return self.focus_areas[0] if self.focus_areas else None

    def visibility_level(self) -> Visibility:
        return Visibility.PUBLIC if self.source == "fedramp" else Visibility.RESTRICTED


class AdoptionStarted(AdoptionFact, type="adoption.adoption.started"):
    pass


class AdoptionAdvanced(AdoptionFact, type="adoption.adoption.advanced"):
    """`from_phase` is the one left."""

    from_phase: str


class AdoptionHeld(AdoptionFact, type="adoption.adoption.held"):
    pass


class AdoptionResumed(AdoptionFact, type="adoption.adoption.resumed"):
    """After a hold, or after a stall when there has been progress."""


class AdoptionStalled(AdoptionFact, type="adoption.adoption.stalled"):
    """No progress since `progress_on`, for longer than `threshold_days`."""

    progress_on: date
    threshold_days: int


class AdoptionWithdrawn(AdoptionFact, type="adoption.adoption.withdrawn"):
    pass


class AdoptionWentLive(AdoptionFact, type="adoption.adoption.went_live"):
    """Reached operations; also how an adoption found in a public register begins here."""


class AdoptionCompleted(AdoptionFact, type="adoption.adoption.completed"):
    pass


class AdoptionAuthorizationRecorded(AdoptionFact, type="adoption.adoption.authorization_recorded"):
    """Another authorization letter of the same agency for the same offering."""


class CriterionFact(AdoptionFact):
    """An exit criterion of the phase; `grounds` is the evidence, or the reason of a waiver or a reopening."""

    criterion: str
    grounds: str


class CriterionMet(CriterionFact, type="adoption.criterion.met"):
    pass


class CriterionWaived(CriterionFact, type="adoption.criterion.waived"):
    pass


class CriterionReopened(CriterionFact, type="adoption.criterion.reopened"):
    """Signatures of the phase's tollgate went with it."""


class TollgateSigned(AdoptionFact, type="adoption.tollgate.signed"):
    """`side` is `agency` or `qsmo`."""

    side: str
