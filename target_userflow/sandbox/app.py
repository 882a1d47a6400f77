"""From a request to its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request

from target_userflow.sandbox import documents, inspection, visitors
from target_userflow.sandbox.calls import Answer, Call, Refusal
from target_userflow.sandbox.faults import RESETS, Faults
from target_userflow.sandbox.journal import Journal
from target_userflow.sandbox.limits import FixedWindow, SlidingWindow, retry_after
from target_userflow.sandbox.script import Script
from target_userflow.sandbox.user_interviews import UserInterviews
from target_userflow.sandbox.userflow import Userflow
from target_userflow.sandbox.userpilot import Userpilot
from target_userflow.sandbox.wire import Wire

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from target_userflow.sandbox.api import Api, Limit
    from target_userflow.sandbox.settings import Settings

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_BAD_GATEWAY = Answer(502, _HTML, {"Content-Type": "text/html"})


class App:
    """The sandbox as an ASGI application.

    A request is handled at one go when it has arrived whole, so the order of arrival is the
    order of the writes, whatever the answers wait for.
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with nothing written."""
        self.apis: tuple[Api, ...] = (UserInterviews(), Userpilot(), Userflow())
        self.journal = Journal()
        self.script = Script()
        self._windows: dict[str, SlidingWindow | FixedWindow] = {
            "sliding": SlidingWindow(),
            "fixed": FixedWindow(),
        }
        self._initial = settings
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Behave differently from now on; the sequence of faults begins again."""
        self.settings = settings
        for api in self.apis:
            api.configure(settings)
        self._faults = Faults(settings.faults, settings.seed)

    def state(self) -> dict[str, Any]:
        """What the APIs keep."""
        return {name: kept for api in self.apis for name, kept in api.state().items()}

    def reset(self) -> None:
        """Forget everything, and behave as at the start."""
        for api in self.apis:
            api.reset()
        for room in (*self._windows.values(), self.journal, self.script):
            room.reset()
        self.configure(self._initial)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        request, wire = Request(scope, receive), Wire(scope, receive, send)
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        refusal = visitors.refusal(request.headers)
        if refusal:
            await wire.answer(refusal)
        elif inspection.is_asked_for(request):
            await wire.answer(await inspection.answer(self, request, raw))
        else:
            await self._serve(self._call(request, raw), raw, wire)

    def _call(self, request: Request, raw: bytes) -> Call:
        return Call(
            seq=self.journal.next_seq(),
            method=request.method,
            path=request.scope["raw_path"].decode(),
            query=dict(request.query_params),
            pairs=tuple(request.query_params.multi_items()),
            headers=dict(request.headers),
            document=documents.read(raw),
        )

    async def _serve(self, call: Call, raw: bytes, wire: Wire) -> None:
        api = next(api for api in self.apis if call.path.startswith(api.prefix))
        entry = self.journal.open(api.name, call, raw, wire.connection.number)
        answer, fault = self._decide(api, call, raw)
        entry.decide(answer, fault)
        status = await self._deliver(answer, fault, wire)
        self.journal.close(entry, status)

    def _decide(self, api: Api, call: Call, raw: bytes) -> tuple[Answer | None, str | None]:
        """What is answered, and what goes wrong with it."""
        step = self.script.take(call.method, call.path, body=raw)
        fault = step.fault if step else self._faults.draw()
        planned = step.answer if step else None
        return planned or self._answer(api, call, fault), fault

    def _answer(self, api: Api, call: Call, fault: str | None) -> Answer | None:
        """The answer to a call that a fault may hit before the write; None for no answer."""
        match fault:
            case "reset-before":
                return None
            case "html":
                return _BAD_GATEWAY
            case "500":
                return api.refuse(Refusal(500, "something went wrong"), call)
            case "503":
                return api.refuse(Refusal(503, "the request was queued for too long"), call)
            case "429":
                return api.refuse(self._too_many(seconds=1), call)
            case _:
                return self._handle(api, call)

    def _handle(self, api: Api, call: Call) -> Answer:
        try:
            api.authorize(call)
            self._stay_within(api.limit(call))
            return api.answer(call)
        except Refusal as refusal:
            return api.refuse(refusal, call)

    def _stay_within(self, limit: Limit) -> None:
        if limit.most:
            window = self._windows[self.settings.rate_limit_window]
            seconds = window.wait(limit.bucket, limit.most, limit.seconds)
            if seconds:
                raise self._too_many(seconds)

    def _too_many(self, seconds: float) -> Refusal:
        headers = retry_after(self.settings.retry_after, seconds)
        return Refusal(429, "there were too many requests of late", headers)

    async def _deliver(self, answer: Answer | None, fault: str | None, wire: Wire) -> int | None:
        """Send the answer the way the fault wants it; the status that was sent, if any."""
        slow_ms = self.settings.slow_ms if fault == "slow" else 0
        if not await wire.still_there((self.settings.latency_ms + slow_ms) / 1000):
            return None
        if answer is None or fault in RESETS:
            await wire.reset()
            return None
        send = wire.answer_half if fault == "truncated" else wire.answer
        await send(answer)
        return answer.status
