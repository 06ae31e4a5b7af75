"""The synchronous client beside the asynchronous one."""

from __future__ import annotations

import inspect

from dpojob import AsyncClient, Client


def test_it_has_every_method_with_its_parameters_and_docstring() -> None:
    methods = {
        name: method
        for name, method in vars(AsyncClient).items()
        if not name.startswith("_") and callable(method)
    }
    assert len(methods) > 10
    for name, method in methods.items():
        own = vars(Client)[name]
        assert own.__doc__ == method.__doc__
        assert inspect.signature(own) == inspect.signature(method)
        assert not inspect.iscoroutinefunction(own)
