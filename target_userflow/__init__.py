"""Singer target for Userflow, User Interviews and Userpilot: a map, in the order of a record's way.

- `command`, `target`: how it is called, and what comes in: `config` and `config_schema`,
  `settings`, `reader`, `state`; `run`, `clock`: what all parts share.
- `routing`, `sinks`: which object a stream is, and what its records go through: `validation`,
  `books`; `window`, `drain`: when they are delivered, and in which order.
- `apis`: from a record to a request, pure: `attributes`, `operations`, `values`.
- `admission`, `drift`, `memory`: what need not or must not be sent, by what exists in the
  destination (`directory`, `index`) and by what was delivered (`ledger`, `store`, `database`).
- `entries`, `merging`, `lanes`, `delivery`: what goes together, and many at once: `concurrency`,
  `limiter`, `learned`, `waits`, `http`, `retry`, `timeline`.
- `deletions`, `activation`, `tables`, `versions`, `mirror`: what is deleted.
- `dead_letters`, `report`: what became of every record; `errors`: what ends a run.
- `meter`, `progress`, `screen`: how far it is; `ending`, `summary`, `advice`, `report_file`,
  `page`, `chart`: how it went.
- `rehearsal`, `copied`, `curl`: a dry run, which tells what all of that would be.
- `check`: whether all of that would work; `sandbox`: the APIs to try it against.
"""
