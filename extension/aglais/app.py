"""The Jupyter Server extension: quiet unless AGLAIS_URL names a backend."""

from __future__ import annotations

from functools import partial

from jupyter_server.extension.application import ExtensionApp

from .backend import Backend, BackendNotConfigured
from .kernels import KernelReporter, living_kernels, server_id_of
from .proxy import BackendProxyHandler


class AglaisExtension(ExtensionApp):
    """Joins the browser and the backend, and tells the backend which kernels live."""

    name = "aglais"
    load_other_extensions = True

    def initialize_settings(self):
        self._backend = self._find_backend()
        # The front end reads this from the page and stays quiet where there is no backend.
        page = self.serverapp.web_app.settings.setdefault("page_config_data", {})
        page["aglais"] = "on" if self._backend else "off"

    def initialize_handlers(self):
        if self._backend:
            self.handlers.append((r"/aglais/(.*)", BackendProxyHandler, {"backend": self._backend}))

    async def _start_jupyter_server_extension(self, serverapp):
        """Called by the Jupyter server once it listens, which is when its port is known."""
        if not self._backend:
            return
        self._reporter = KernelReporter(
            self._backend,
            server_id_of(serverapp),
            partial(living_kernels, serverapp),
            self.log,
        )
        self._reporter.start()

    async def stop_extension(self):
        reporter = getattr(self, "_reporter", None)
        if reporter:
            await reporter.stop()

    def _find_backend(self) -> Backend | None:
        try:
            return Backend.from_environment()
        except BackendNotConfigured as error:
            self.log.error("aglais: %s", error)
            return None
