"""The sandbox as an ASGI application: it decides the answer to each request, and sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request

from target_userflow.sandbox import admin, page
from target_userflow.sandbox.backend import Backend
from target_userflow.sandbox.faults import RESETS
from target_userflow.sandbox.faults.rate_limits import retry_after
from target_userflow.sandbox.http import host_check, strict_json
from target_userflow.sandbox.http.messages import Answer, Call, Refusal
from target_userflow.sandbox.http.response_writer import ResponseWriter

if TYPE_CHECKING:
    from typing import Any

    from starlette.types import Receive, Scope, Send

    from target_userflow.sandbox.apis.base import Api, Limit
    from target_userflow.sandbox.settings import Settings

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
_BAD_GATEWAY = Answer(502, _HTML, {"Content-Type": "text/html"})


class App:
    """The sandbox as an ASGI application.

    It handles a request without interruption when all of it has arrived, so the order of arrival
    is the order of the writes, however long the answers wait.
    """

    def __init__(self, settings: Settings, *, allow_remote: bool = False) -> None:
        """Take the settings to which a reset returns, and whether other machines may send."""
        self._backend = Backend(settings)
        self._allow_remote = allow_remote

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        request, writer = Request(scope, receive), ResponseWriter(scope, receive, send)
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        refusal = host_check.refusal(request.headers, allow_remote=self._allow_remote)
        answer = refusal or await self._own_answer(request, raw)
        if answer:
            await writer.write(answer)
        else:
            await self._serve(self._call(request, raw), raw, writer)

    async def _own_answer(self, request: Request, raw: bytes) -> Answer | None:
        """Return the answer of the page or the admin API; None for a request to an API."""
        if page.is_requested(request):
            return await page.answer(self._backend, request)
        if admin.is_requested(request):
            return admin.answer(self._backend, request, raw)
        return None

    def _call(self, request: Request, raw: bytes) -> Call:
        return Call(
            seq=self._backend.request_log.next_seq(),
            method=request.method,
            path=request.scope["raw_path"].decode(),
            query=dict(request.query_params),
            pairs=tuple(request.query_params.multi_items()),
            headers=dict(request.headers),
            document=strict_json.read(raw),
        )

    async def _serve(self, call: Call, raw: bytes, writer: ResponseWriter) -> None:
        api, log = self._backend.api_for(call.path), self._backend.request_log
        entry = log.open(api.name, call, raw, writer.connection.number)
        answer, fault = self._decide(api, call, raw)
        log.decide(entry, answer, fault)
        status = await self._deliver(answer, fault, writer)
        log.close(entry, status)

    def _decide(self, api: Api[Any], call: Call, raw: bytes) -> tuple[Answer | None, str | None]:
        """Return the answer, None for no answer, and the fault that hits the request, if any."""
        scripted = self._backend.scripted_responses.take(call.method, call.path, body=raw)
        fault = scripted.fault if scripted else self._backend.random_faults.draw()
        answer = scripted.answer if scripted else None
        return answer or self._answer(api, call, fault), fault

    def _answer(self, api: Api[Any], call: Call, fault: str | None) -> Answer | None:
        """Return the answer to a call that a fault may hit before the write; None for no answer."""
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

    def _handle(self, api: Api[Any], call: Call) -> Answer:
        try:
            api.authorize(call)
            self._stay_within(api.limit(call))
            return api.answer(call)
        except Refusal as refusal:
            return api.refuse(refusal, call)

    def _stay_within(self, limit: Limit) -> None:
        if limit.most:
            seconds = self._backend.window.wait(limit.bucket, limit.most, limit.seconds)
            if seconds:
                raise self._too_many(seconds)

    def _too_many(self, seconds: float) -> Refusal:
        headers = retry_after(self._backend.settings.retry_after, seconds)
        return Refusal(429, "there were too many requests of late", headers)

    async def _deliver(
        self, answer: Answer | None, fault: str | None, writer: ResponseWriter
    ) -> int | None:
        """Send the answer as the fault prescribes. Returns the status that was sent, if any."""
        settings = self._backend.settings
        slow_ms = settings.slow_ms if fault == "slow" else 0
        if not await writer.wait((settings.latency_ms + slow_ms) / 1000):
            return None
        if answer is None or fault in RESETS:
            await writer.reset()
            return None
        write = writer.write_half if fault == "truncated" else writer.write
        await write(answer)
        return answer.status
