"""nginx, Debian's package, as the reverse proxy in front of a service."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import EngineMissingError
from .process import LOOPBACK, free_port, guarded, is_listening, retried

_CONFIGURATION = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  gzip on;
  server {{
    listen {address}:{port};
    {locations}
  }}
}}
"""


@contextlib.contextmanager
def nginx(locations: str) -> Iterator[str]:
    """nginx with these locations; gives the URL of its root, without a slash at the end.

    Raises:
        EngineMissingError: it is not installed.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise EngineMissingError("nginx is missing: install the Debian package nginx-light")
    with retried(lambda: _started(program, locations)) as url:
        yield url


@contextlib.contextmanager
def _started(program: str, locations: str) -> Iterator[str]:
    port = free_port()
    with TemporaryDirectory(prefix="tallies-nginx-") as folder:
        path = Path(folder) / "nginx.conf"
        path.write_text(
            _CONFIGURATION.format(folder=folder, address=LOOPBACK, port=port, locations=locations)
        )
        with guarded("nginx", [program, "-p", folder, "-e", "stderr", "-c", str(path)]) as engine:
            engine.wait_until_answering(lambda: is_listening(port))
            yield f"http://{LOOPBACK}:{port}"
