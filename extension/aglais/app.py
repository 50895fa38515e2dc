"""The Jupyter Server extension: does nothing unless AGLAIS_URL names a backend."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from .backend import Backend, BackendNotConfigured
from .kernel_deaths import KernelDeaths
from .kernel_list import KernelReporter, Kernels, jupyter_root_of, list_kernels, server_id_of
from .pod_memory import MemoryReporter
from .proxy import BackendProxyHandler


class AglaisExtension(ExtensionApp):
    """Proxies the browser to the backend, and reports kernels and memory to the backend."""

    name = "aglais"
    load_other_extensions = True

    def initialize_settings(self):
        self._backend = self._find_backend()
        # Page config for the front end, which does nothing without a backend.
        page = self.serverapp.web_app.settings.setdefault("page_config_data", {})
        page["aglais"] = "on" if self._backend else "off"
        in_pod = self._backend and self._backend.pod_token_file
        page["aglaisPod"] = "on" if in_pod else "off"
        page["aglaisJupyterRoot"] = jupyter_root_of(self.serverapp)

    def initialize_handlers(self):
        if self._backend:
            self.handlers.append((r"/aglais/(.*)", BackendProxyHandler, {"backend": self._backend}))

    async def _start_jupyter_server_extension(self, serverapp):
        """Called once the Jupyter server listens: before, its port is unknown."""
        if not self._backend:
            return
        server = server_id_of(serverapp)
        deaths = KernelDeaths(self._backend, server, serverapp.kernel_manager, self.log)

        async def poll() -> Kernels:
            deaths.poll()
            return await list_kernels(serverapp)

        reporter = KernelReporter(self._backend, server, poll, self.log)
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
