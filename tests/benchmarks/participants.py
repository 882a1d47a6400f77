"""How many participants go to User Interviews in a second, 100 in one request.

    uv run python tests/benchmarks/participants.py [--small]

Profile: `py-spy record -o profile.svg -- python -m target_userflow --config config.json < people`,
with a config that names `python tests/benchmarks/stub.py` as `user_interviews_api_url`.
"""

from __future__ import annotations

from harness import directory, in_turns, is_small, ours, run, stub, table, users


def main(*, small: bool) -> None:
    """Print the table."""
    rows, rounds = (1_000, 1) if small else (100_000, 3)
    with directory() as place, stub(0) as server:
        data = users(place / "participants", rows, stream="participants")
        none = users(place / "none", 0, stream="participants")
        product = {"user_interviews_api_key": "key", "user_interviews_api_url": server.url}
        command = ours(place / "config.json", server, **product)
        (cost,) = in_turns(rounds, lambda: run(command, data).beyond(run(command, none)))
        requests = server.written / rounds
    table(
        ("0 ms an answer", "participants", "requests", "records/s", "CPU µs/record"),
        (
            "concurrency 10",
            f"{rows:,}",
            f"{requests:,.0f}",
            f"{rows / cost.seconds:,.0f}",
            f"{cost.cpu / rows * 1e6:.0f}",
        ),
    )


if __name__ == "__main__":
    main(small=is_small())
