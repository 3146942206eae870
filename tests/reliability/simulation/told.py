"""`python -m tests.reliability.simulation.told FILE…`: the row of seeds that ran by ranges, each range's lines in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.reliability.ledger import Outcome


def results(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines]


def failed(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Printed, with what was wrong."""
    failing = [result for result in found if result["faults"]]
    for result in failing:
        print(f"seed {result['seed']}:", *result["faults"], sep="\n")
    return failing


def outcome(found: Sequence[Mapping[str, Any]]) -> Outcome:
    """Of seeds that did not fail."""

    def summed(name: str) -> int:
        return sum(result[name] for result in found)

    return Outcome(
        name="simulation of the embedded system: kills, slow commits, errors of disk and bus, deliveries again, clock ± 1 h",
        counted={"seeds": len(found), "kills": summed("kills"), "steps": summed("steps")},
        lag_max=max(result["lag_max"] for result in found),
        recoveries_s=[seconds for result in found for seconds in result["recoveries_s"]],
        writes=summed("writes"),
        lost=summed("lost"),
        duplicated=summed("duplicated"),
        reordered=summed("reordered"),
        unknown=summed("unknown"),
    )


if __name__ == "__main__":
    told = [result for name in sys.argv[1:] for result in results(Path(name).read_bytes().splitlines())]
    if failed(told):
        sys.exit(1)
    outcome(told).told()
