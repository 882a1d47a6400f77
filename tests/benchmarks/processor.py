"""What a record costs, if answers take no time.

    uv run python tests/benchmarks/processor.py [--small]

Profile: `py-spy record -o profile.svg -- python -m target_userflow --config config.json < users`,
with a config that names `python tests/benchmarks/stub.py` as `api_url`.
"""

from __future__ import annotations

from functools import partial

from harness import Cost, baseline, directory, in_turns, is_small, ours, run, stub, table, users

CONCURRENCIES = (1, 10, 50)


def main(*, small: bool) -> None:
    """Print the table."""
    records, rounds = (500, 1) if small else (5_000, 5)
    with directory() as place, stub(0) as server:
        data, none = users(place / "users", records), users(place / "none", 0)
        env = {"URL": server.url}
        commands = {
            "plain SDK RecordSink": baseline("plain"),
            **{
                f"concurrency {one}": ours(place / f"{one}.json", server, concurrency=one)
                for one in ((10,) if small else CONCURRENCIES)
            },
        }

        def cost(command: list[str]) -> Cost:
            return run(command, data, env).beyond(run(command, none, env))

        costs = in_turns(rounds, *(partial(cost, one) for one in commands.values()))
    base = costs[0]
    rows = [
        (
            name,
            f"{records / cost.seconds:,.0f}",
            f"{base.seconds / cost.seconds:.2f}x",
            f"{cost.cpu / records * 1e6:,.0f}",
            f"{cost.cpu / base.cpu:.2f}x",
        )
        for name, cost in zip(commands, costs, strict=True)
    ]
    table(("0 ms an answer", "records/s", "of plain", "CPU µs/record", "of plain"), *rows)


if __name__ == "__main__":
    main(small=is_small())
