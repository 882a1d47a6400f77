"""Singer target for Userflow, User Interviews and Userpilot.

The packages, in the order of a record's way:

- `cli`, `target`, `sinks`, `services`: the command, the SDK's hooks, and what they share.
- `config`: the settings, what is wrong with them, and which object a stream goes to.
- `singer`: messages in, STATE and dead letters out.
- `mapping`, `apis`: from a record to a request; pure.
- `delivery`: which records are sent, in which order, and how each ended.
- `transport`: one request to one API, its retries and the rate limit.
- `ledger`: the database of what was delivered.
- `deletes`, `dry_run`, `reporting`: deletions, runs without writes, and what a run says of itself.
- `check`: tries the settings; `errors`, `clock`: what all of them use.
- `sandbox`: a local stand-in for the APIs; it shares no code with the rest.
"""
