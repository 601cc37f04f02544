"""Every route of the workshop and who may call it, in the order of the navigation: nothing else opens one.

As `bot.console.routes`: a page is a row here, a handler and a template (`workshop/…`) that extends `console/base.html`.
"""

from __future__ import annotations

from bot.console.views.shell import Route

ROUTES: tuple[Route, ...] = ()
