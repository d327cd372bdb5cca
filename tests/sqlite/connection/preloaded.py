"""An application as gunicorn preloads it: its store is in use before the workers are forked."""

import os

from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop

store = SqliteFavorites(os.environ["PRELOADED_STORE"])
store.init()
store.mark("before", "noodles")
loop = EmbeddedLoop(store)
loop.__enter__()
app = create_app(store, auth=NoAuth())
