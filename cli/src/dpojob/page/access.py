"""Who may read the page: a browser that was given its address, and nobody else.

The page shows what the user's own credentials can read. Other sites in the same browser, other users of
the machine and names that resolve to the loopback address (DNS rebinding) must not reach it.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .redirect import redirect_page

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
"""The Content-Security-Policy: files of this server only, no inline script or style, no HTML from text."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""Headers of every response."""
SAFE_METHODS = ("GET", "HEAD")
"""The page changes nothing, so no other method is served."""
NEW_ADDRESS = "Open the address that `dpojob ui` printed; it holds the key to this page.\n"
TO_PAGE = redirect_page("/")
"""Answers the sign-in from a local file: the page is then requested by this server's own page."""


class AccessGuard:
    """ASGI middleware that refuses every request but those of the user's own browser.

    Args:
        app: The application that answers the requests that are not refused.
        port: The TCP port on which the page is served on the loopback address.
        token: The secret of the address that is printed.

    Attributes:
        token: The secret of the address that is printed; a request with it sets a cookie.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._cookie = f"dpojob-{port}"
        self._session = secrets.token_urlsafe(24)
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request: passes it on, or refuses it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # No WebSocket is served; uvicorn answers 403.

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        response = self.rejection(scope) or self._sign_in(scope)
        await (response or self._app)(scope, receive, send_with_headers)

    def rejection(self, scope: Scope) -> Response | None:
        """Checks that a request comes from this page, or from a person who opened its address.

        Args:
            scope: The request's ASGI scope.

        Returns:
            The response that rejects it; None where it may be answered.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return _refuse(421, "this server answers to its loopback address only\n")
        if scope["method"] not in SAFE_METHODS:
            return _refuse(405, "this page only reads\n", allow=", ".join(SAFE_METHODS))
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return _refuse(403, "requests of other sites are refused\n")
        if not _is_same_site(headers) and not (_is_new_page(headers) and self._has_token(scope)):
            return _refuse(403, "requests of other sites are refused\n")
        return None

    def _sign_in(self, scope: Scope) -> Response | None:
        """The cookie for the right token in the address; a rejection without either."""
        if self._has_token(scope):
            # Browsers send a strict cookie to no address to which a request of another site is redirected.
            direct = _is_same_site(Headers(scope=scope))
            response = RedirectResponse("/", status_code=303) if direct else HTMLResponse(TO_PAGE)
            response.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
            return response
        if secrets.compare_digest(self._cookie_value(scope).encode(), self._session.encode()):
            return None
        return _refuse(403, NEW_ADDRESS)

    def _has_token(self, scope: Scope) -> bool:
        offered = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return secrets.compare_digest(offered.encode(), self.token.encode())

    def _cookie_value(self, scope: Scope) -> str:
        try:
            cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return ""
        morsel = cookies.get(self._cookie)
        return "" if morsel is None else morsel.value


def _is_same_site(headers: Headers) -> bool:
    """Whether a request is of this page, or of a person who typed or clicked its address."""
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_new_page(headers: Headers) -> bool:
    """Whether a request fills a tab of the browser: no frame, and no script that could read the answer."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (
        "navigate",
        "document",
    )


def _refuse(status: int, reason: str, **headers: str) -> Response:
    return PlainTextResponse(reason, status_code=status, headers=headers)
