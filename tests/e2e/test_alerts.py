"""What happens in the proxy is told by a worker in the proxy."""

from __future__ import annotations

from tests.e2e.world import World, sim, until


def test_the_proxys_own_worker_takes_what_happened(world: World) -> None:
    user = world.user(tokens=1000)
    assert user.chat(sim(prompt_tokens=100, completion_tokens=700)).status_code == 200

    def taken() -> bool:
        found = world.rows(
            "SELECT dispatched_at FROM solaris.events WHERE account_id = %s AND kind = 'threshold.crossed'",
            user.account_id,
        )
        return [each["dispatched_at"] is not None for each in found] == [True]

    until(taken, seconds=60)
    until(lambda: bool(world.rows("SELECT * FROM solaris_jobs.procrastinate_workers")), seconds=60)
    with world.proxy.client() as admin:
        listed = admin.get("/solaris/api/v1/deliveries", params={"account": user.account_id})
    assert listed.json() == {"data": [], "next_before": None}  # nothing is set up that it could be told over
