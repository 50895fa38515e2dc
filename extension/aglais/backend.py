"""The address and tokens of the Aglais backend, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

#: Where administrators mount the service account token that identifies this pod.
POD_TOKEN_FILE = "/var/run/secrets/aglais.org/token"
POD_TOKEN_HEADER = "Aglais-Pod-Token"


class BackendNotConfigured(ValueError):
    """AGLAIS_URL is invalid."""


@dataclass(frozen=True)
class Backend:
    """The URL of the backend and its token files.

    Tokens are read at each use: the backend may write new ones while Jupyter runs.
    """

    url: SplitResult
    token_file: Path | None
    browser_token_file: Path | None
    pod_token_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Backend | None:
        """The backend at AGLAIS_URL; None if that is not set.

        Raises BackendNotConfigured if AGLAIS_URL is not an http(s) URL with a host.
        """
        text = environ.get("AGLAIS_URL", "").strip()
        if not text:
            return None
        url = urlsplit(text.rstrip("/"))
        if url.scheme not in ("http", "https") or not url.hostname:
            raise BackendNotConfigured(
                f"AGLAIS_URL is {text!r}, which is not an http(s) URL; Jupyter runs without Aglais."
            )

        def path(name: str) -> Path | None:
            return Path(environ[name]) if environ.get(name) else None

        pod_token = path("AGLAIS_POD_TOKEN_FILE") or Path(POD_TOKEN_FILE)
        return cls(
            url,
            path("AGLAIS_TOKEN_FILE"),
            path("AGLAIS_BROWSER_TOKEN_FILE"),
            pod_token if pod_token.exists() else None,
        )

    @property
    def host(self) -> str:
        return self.url.hostname or ""

    @property
    def port(self) -> int:
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    def url_of(self, path: str, query: str = "", *, websocket: bool = False) -> str:
        """The full URL of `path` (percent-encoded, with a leading slash)."""
        scheme = self.url.scheme.replace("http", "ws", 1) if websocket else self.url.scheme
        return self.url._replace(scheme=scheme, path=self.url.path + path, query=query).geturl()


def bearer_header(token_file: Path | None) -> dict[str, str]:
    """The Authorization header with the token in `token_file`; empty if that cannot be read.

    Without it, the backend answers 401 with a clear message.
    """
    token = _token(token_file)
    return {"Authorization": f"Bearer {token}"} if token else {}


def pod_token_header(backend: Backend) -> dict[str, str]:
    """The header that identifies our pod; empty without a pod token."""
    token = _token(backend.pod_token_file)
    return {POD_TOKEN_HEADER: token} if token else {}


def _token(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file else ""
    except OSError:
        return ""
