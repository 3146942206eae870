from __future__ import annotations

import math
import random

import pytest

from tests.bench.capacity import Stage, mean_wait_s, simulated_wait_s, waits


@pytest.mark.parametrize(("servers", "busy"), [(1, 0.5), (1, 0.7), (2, 0.7), (6, 0.8)])
def test_the_formula_is_what_a_simulation_by_events_finds(servers: int, busy: float) -> None:
    per_s, chance = busy * servers / 0.002, random.Random(6)

    simulated = simulated_wait_s(per_s=per_s, service_s=lambda: chance.expovariate(1 / 0.002), servers=servers)

    assert mean_wait_s(per_s=per_s, service_s=0.002, servers=servers) == pytest.approx(simulated, rel=0.1)


def test_one_server_is_found_busy_as_often_as_it_is_busy() -> None:
    assert waits(0.6, 1) == pytest.approx(0.6)


def test_more_than_can_be_served_waits_for_ever() -> None:
    assert math.isinf(mean_wait_s(per_s=1_000, service_s=0.002, servers=2))


def test_a_stage_has_as_many_servers_as_keep_it_below_seven_tenths() -> None:
    stage = Stage(name="x", service_s=0.001, per_write=1.0, per_read=0.1)

    assert stage.servers(reads_per_s=0, writes_per_s=690) == 1
    assert stage.servers(reads_per_s=10_000, writes_per_s=690) == 3
