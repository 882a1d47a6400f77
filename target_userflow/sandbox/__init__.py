"""A local stand-in for the APIs that the target writes to, for tests and for trying things out.

The sandbox accepts and refuses requests by the documented rules of each API and keeps what they
write. On demand it answers late, limits the rate, fails or drops connections. All APIs have the
same address, since their paths differ. Start the sandbox by hand::

    target-userflow-sandbox serve --rate-limit 600 --fault 503:0.01

or from Python, in the tests of a pipeline::

    from target_userflow.sandbox import running

    with running(faults={"reset-after": 0.1}, seed=1) as sandbox:
        ...  # run a pipeline with sandbox.config
        assert sandbox.state()["users"]["u1"]["attributes"]["plan"] == "pro"

The modules, in the order in which a request meets them:

- ``http``: the server, messages, strict JSON, the check of the Host header, the request log, and
  the response writer, which sends an answer whole, late, cut short or not at all
- ``app``: the ASGI application, which decides the answer to each request
- ``backend``: what the sandbox keeps
- ``faults``: random faults, scripted responses and rate limits
- ``apis``: Userflow, User Interviews and Userpilot, each with its rules, store and endpoints
- ``admin``: the ``/_sandbox`` endpoints
- ``page``: the page at ``/``
- ``client``: ``running`` and the ``Sandbox`` that it yields; ``settings``: its settings
- ``demo``, ``sample``: the real target on made-up data

Everything is kept in memory until a reset, every request, too.
"""

from target_userflow.sandbox.client import Sandbox, running

__all__ = ["Sandbox", "running"]
