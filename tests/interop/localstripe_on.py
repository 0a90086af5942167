"""PyPI's localstripe on a port of the loopback; its own command listens on all addresses, and keeps its state in a shared file."""

import sys

from aiohttp import web
from localstripe import resources, server

resources.Store.dump_to_disk = lambda self: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
