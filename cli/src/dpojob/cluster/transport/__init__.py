"""How a request reaches the API server: `direct`, or `proxied` where a proxy lies between.

Both are a `Transport` of `exchange`, and `choice` takes one of them for a cluster. A direct connection needs little more
than asyncio, so that commands start quickly; the HTTP client that knows proxies takes longer to import than all else.
"""

__all__ = ["choice", "direct", "exchange", "proxied"]
