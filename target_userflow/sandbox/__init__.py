"""A local stand-in for the APIs that the target writes to: strict, stateful, and failing on demand.

It answers by the documented rules of each API, keeps what it was sent in memory, and can be told
to be slow, to limit the rate, to fail or to drop connections. All APIs are at one address: it knows
them by their paths. Start it by hand::

    target-userflow-sandbox serve --rate-limit 600 --fault 503:0.01

or from Python, in the tests of a pipeline::

    from target_userflow.sandbox import running

    with running(faults={"reset-after": 0.1}, seed=1) as sandbox:
        ...  # run a pipeline with sandbox.config
        assert sandbox.state()["users"]["u1"]["attributes"]["plan"] == "pro"

The rooms, in the order in which a request meets them:

- ``server``: the socket, and connections that can be dropped (uvicorn)
- ``app``: from a request to its answer, through everything below
- ``visitors``: other sites' pages, which are not answered
- ``documents``: a body read strictly, an answer written exactly
- ``journal``: what was asked, in the order of arrival
- ``script``, ``faults``: answers planned in advance, failures by chance
- ``limits``: the requests per minute, and ``Retry-After``
- ``api``: what the APIs have in common; ``checks``: what their rules have in common
- ``userflow``, ``user_interviews``, ``userpilot``: each API with its rules, its state, its routes
- ``wire``: how the answer leaves: whole, late, cut short, or not at all
- ``inspection``: the ``/_sandbox`` endpoints, for tests and the curious
- ``page``: the page at ``/``, for people with a browser
- ``handle``: ``running`` and the object it yields

Everything is kept in memory until ``reset``, every request too: it is made for trying things out.
"""

from target_userflow.sandbox.handle import Sandbox, running

__all__ = ["Sandbox", "running"]
