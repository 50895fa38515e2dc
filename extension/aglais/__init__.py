"""Connects JupyterLab in the browser to the Aglais backend."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("aglais")
except PackageNotFoundError:  # running from a checkout that is not installed
    __version__ = "0"


def _jupyter_labextension_paths():
    return [{"src": "labextension", "dest": "@aglais/jupyterlab"}]


def _jupyter_server_extension_points():
    # Imported here: a kernel that reads only the version does not load tornado.
    from .app import AglaisExtension

    return [{"module": "aglais", "app": AglaisExtension}]
