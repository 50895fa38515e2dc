"""The Jupyter Server extension: quiet unless AGLAIS_URL names a backend."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from .backend import Backend, BackendNotConfigured
from .deaths import KernelDeaths
from .kernels import KernelReporter, Kernels, jupyter_root_of, living_kernels, server_id_of
from .memory import MemoryReporter
from .proxy import BackendProxyHandler


class AglaisExtension(ExtensionApp):
    """Joins the browser and the backend, and tells the backend how kernels and memory are."""

    name = "aglais"
    load_other_extensions = True

    def initialize_settings(self):
        self._backend = self._find_backend()
        # The front end reads this from the page and stays quiet where there is no backend.
        page = self.serverapp.web_app.settings.setdefault("page_config_data", {})
        page["aglais"] = "on" if self._backend else "off"
        in_pod = self._backend and self._backend.pod_token_file
        page["aglaisPod"] = "on" if in_pod else "off"
        page["aglaisJupyterRoot"] = jupyter_root_of(self.serverapp)

    def initialize_handlers(self):
        if self._backend:
            self.handlers.append((r"/aglais/(.*)", BackendProxyHandler, {"backend": self._backend}))

    async def _start_jupyter_server_extension(self, serverapp):
        """Called by the Jupyter server once it listens, which is when its port is known."""
        if not self._backend:
            return
        server = server_id_of(serverapp)
        deaths = KernelDeaths(self._backend, server, serverapp.kernel_manager, self.log)

        async def look() -> Kernels:
            deaths.look()
            return await living_kernels(serverapp)

        reporter = KernelReporter(self._backend, server, look, self.log)
        reporter.start()
        self._parts = [reporter, deaths]
        if self._backend.pod_token_file:
            memory = MemoryReporter(self._backend, self.log)
            memory.start()
            self._parts.append(memory)

    async def stop_extension(self):
        for part in getattr(self, "_parts", []):
            await part.stop()

    def _find_backend(self) -> Backend | None:
        try:
            return Backend.from_environment()
        except BackendNotConfigured as error:
            self.log.error("aglais: %s", error)
            return None
