"""Where the Aglais backend is and how to speak to it, as the environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

#: Where the operator mounts the token that says which pod this is.
POD_TOKEN_FILE = "/var/run/secrets/aglais.org/token"
POD_TOKEN_HEADER = "Aglais-Pod-Token"


class BackendNotConfigured(ValueError):
    """The environment names a backend in a way that cannot be used."""


@dataclass(frozen=True)
class Backend:
    """The address of the backend and the files that hold its tokens.

    Tokens are read again at each use: the backend may write new ones while Jupyter runs.
    """

    url: SplitResult
    token_file: Path | None
    browser_token_file: Path | None
    pod_token_file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Backend | None:
        """The backend that AGLAIS_URL names; None where there is none.

        Raises BackendNotConfigured if AGLAIS_URL is no http(s) URL with a host.
        """
        text = environ.get("AGLAIS_URL", "").strip()
        if not text:
            return None
        url = urlsplit(text.rstrip("/"))
        if url.scheme not in ("http", "https") or not url.hostname:
            raise BackendNotConfigured(
                f"AGLAIS_URL is {text!r}, which is no http address; Jupyter goes on without Aglais."
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

    def address(self, path: str, query: str = "", *, websocket: bool = False) -> str:
        """The full address of `path` (already percent-encoded, with a leading slash)."""
        scheme = self.url.scheme.replace("http", "ws", 1) if websocket else self.url.scheme
        return self.url._replace(scheme=scheme, path=self.url.path + path, query=query).geturl()


def bearer(token_file: Path | None) -> dict[str, str]:
    """The Authorization header with the token in `token_file`; none if it cannot be read.

    Without it the backend answers 401 and says why, which tells more than a failure here.
    """
    token = _token(token_file)
    return {"Authorization": f"Bearer {token}"} if token else {}


def pod_proof(backend: Backend) -> dict[str, str]:
    """The header that proves in which pod we are; none where nobody gave us a token for it."""
    token = _token(backend.pod_token_file)
    return {POD_TOKEN_HEADER: token} if token else {}


def _token(file: Path | None) -> str:
    try:
        return file.read_text().strip() if file else ""
    except OSError:
        return ""
