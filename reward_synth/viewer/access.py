"""Who may read the page, and what a browser may do with it.

A run folder holds text of models and environments. So every page forbids scripts and addresses that are not its own,
and a browser that meets markup in such a text reports it to :data:`REPORTS` instead of obeying it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REPORTS = "/csp-report"
"""Where a browser says that a page tried something forbidden."""
COOKIE = "reward-synth-token"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    f"report-uri {REPORTS}",
    "X-Content-Type-Options": "nosniff",
    # With "no-referrer" browsers hide a form's origin even from the server that it came from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LONGEST_REPORT = 20_000
"""Bytes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """The rule for one server.

    :param token: what a browser must know; None only on a loopback address.
    """

    token: str | None = None

    @classmethod
    def for_host(cls, host: str) -> Access:
        """No token on a loopback address, where only this machine's users can connect; else a new one."""
        return cls(None if host in LOOPBACK else secrets.token_urlsafe(24))


class Guard:
    """ASGI middleware: refuses strangers, and adds :data:`HEADERS` to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refuse(Request(scope))
        await (refused or self._app)(scope, receive, _with_headers(send))

    def _refuse(self, request: Request) -> Response | None:
        """An answer to somebody who may not read the page; None for everybody else."""
        host = _name_of(f"//{request.headers.get('host', '')}")
        if self._access.token is None and host not in LOOPBACK:
            # Another site's name may be made to lead to this machine, so that its scripts could read the page.
            return PlainTextResponse("this server answers to 127.0.0.1 and localhost only\n", 421)
        if request.method == "POST" and request.url.path != REPORTS and not _from_this_page(request.headers):
            return PlainTextResponse("only this server's own pages may change a run\n", 403)
        return self._refuse_without_token(request) if self._access.token is not None else None

    def _refuse_without_token(self, request: Request) -> Response | None:
        assert self._access.token is not None
        given = request.query_params.get("token")
        if given is not None and hmac.compare_digest(given.encode(), self._access.token.encode()):
            # The token leaves the address at once, which people copy and browsers remember.
            rest = request.url.remove_query_params("token")
            # Two slashes at the start would name another host.
            place = "/" + rest.path.lstrip("/") + (f"?{rest.query}" if rest.query else "")
            answer = RedirectResponse(place, 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict")
            return answer
        known = request.cookies.get(COOKIE, "")
        if hmac.compare_digest(known.encode(), self._access.token.encode()):
            return None
        return PlainTextResponse("open the address with its ?token=…, as reward-synth view printed it\n", 401)


def _from_this_page(headers: Headers) -> bool:
    """True if a form or script of this very server sent the request. Every browser of today sends ``Origin``."""
    host = headers.get("host", "")
    return host != "" and headers.get("origin", "") in (f"http://{host}", f"https://{host}")


def _name_of(address: str) -> str:
    """The host of an address; empty if it has none, or is no address."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            headers.update(HEADERS)
        await send(message)

    return sending


async def report(request: Request) -> Response:
    """Log what a browser refused to do for a page."""
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > LONGEST_REPORT:
            break
    logger.warning("a browser refused something on a page: %r", text[:LONGEST_REPORT])
    return Response(status_code=204)
