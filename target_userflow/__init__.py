"""Singer target for Userflow, User Interviews and Userpilot.

The modules and packages, from the upper floor to the lower; a lower one imports no upper one:

- `target`: the SDK's hooks of a run.
- `cli`, `windows`: the command line; the delivery of one window.
- `sinks`: one stream, whose records are checked, mapped and held.
- `reporting`, `check`: what a run says of itself; `--check`, which tries the settings.
- `services`: what the sinks of a run share.
- `deletes`, `dry_run`: deletions; runs without writes.
- `delivery`: which records are sent, in which order, and how each ended.
- `singer`: messages in, STATE and dead letters out.
- `transport`: one request to one API, its retries and the rate limit.
- `ledger`: the database of what was delivered.
- `apis`, `mapping`: from a record to a request; pure.
- `config`: the settings, what is wrong with them, and which object type a stream goes to.
- `errors`, `clock`, `escaping`, `private_files`: what all of them use.

Apart is `sandbox`, a local stand-in for the APIs: it shares no code with the rest.
"""
