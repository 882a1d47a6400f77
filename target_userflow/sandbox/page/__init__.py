"""The page at ``/``, which shows what the sandbox keeps and the requests that it received.

A browser that asks for HTML at ``/`` gets the page; for other clients ``/`` is a path of the API.
The page reads these endpoints under ``/_sandbox/page/``:

- ``overview``: the number of items in each list; its revision changes when any data changes
- ``list?of=…&search=…&offset=…``: a page of a list
- ``one?of=…&id=…``: an item with everything that the sandbox knows about it

The server searches and pages, not the browser: a list may have 100,000 users. The modules:

- ``endpoints``: the endpoints above; ``static_files``: the files of the page
- ``lists``: a list, its pages and its search
- ``userflow``, ``user_interviews``, ``userpilot``, ``requests``: the lists of each source
- ``view_models``: columns, rows and details; ``hints``: the next step where a list is empty
- ``static``: the page itself, without a framework and a build
"""

from target_userflow.sandbox.page.endpoints import answer, is_requested

__all__ = ["answer", "is_requested"]
