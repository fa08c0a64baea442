"""Places: first come first served, a queue that ends, and nobody who leaves takes one along."""

from __future__ import annotations

import asyncio

import pytest

from demiglace.server.limits import Busy, Closing, Gate, Limits


def test_places_are_given_in_order_and_given_on() -> None:
    async def story() -> None:
        gate = Gate(Limits(max_batch=1, max_queue=2))
        first = await gate.enter()
        second, third = (asyncio.create_task(gate.enter()) for _ in range(2))
        await asyncio.sleep(0)
        assert (gate.num_running, gate.num_waiting) == (1, 2)
        with pytest.raises(Busy):
            await gate.enter()
        first.leave()
        first.leave()  # once is enough
        place = await second
        assert not third.done()
        place.leave()
        (await third).leave()
        assert (gate.num_running, gate.num_waiting) == (0, 0)

    asyncio.run(story())


@pytest.mark.parametrize("is_served", [False, True])
def test_who_leaves_the_queue_takes_no_place_along(is_served: bool) -> None:
    async def story() -> None:
        gate = Gate(Limits(max_batch=1, max_queue=2))
        place = await gate.enter()
        leaving, staying = (asyncio.create_task(gate.enter()) for _ in range(2))
        await asyncio.sleep(0)
        if is_served:
            place.leave()  # the place is the leaving one's, who has not woken yet
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        if not is_served:
            assert gate.num_waiting == 1
            place.leave()
        (await staying).leave()
        assert (gate.num_running, gate.num_waiting) == (0, 0)

    asyncio.run(story())


def test_at_the_end_who_waits_is_sent_away_and_who_is_answered_stays() -> None:
    async def story() -> None:
        gate = Gate(Limits(max_batch=1))
        place = await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.close()
        with pytest.raises(Closing):
            await waiting
        with pytest.raises(Closing):
            await gate.enter()
        assert gate.num_running == 1
        place.leave()
        assert gate.num_running == 0

    asyncio.run(story())


@pytest.mark.parametrize("bounds", [{"max_batch": 0}, {"max_pages": 201}, {"max_tokens": 1}, {"decode_seconds": 0}])
def test_bounds_have_bounds(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(bounds))):
        Limits(**bounds)
