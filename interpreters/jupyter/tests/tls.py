"""Certificates like those that the server creates for a cluster, and a TLS proxy."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

NAME = "aglais"


class Authority:
    """A CA that signed one certificate; created with OpenSSL's command."""

    def __init__(self, directory: Path, name: str = NAME):
        directory.mkdir(parents=True, exist_ok=True)
        self.key, self.certificate = directory / "tls.key", directory / "tls.crt"
        ca_key, ca, request = (directory / n for n in ("ca.key", "ca.crt", "tls.csr"))
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        _openssl(
            "req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2",
            "-subj", "/CN=aglais cluster",
        )  # fmt: skip
        _openssl(
            "req", *curve, "-keyout", self.key, "-out", request, "-subj", f"/CN={name}",
        )  # fmt: skip
        extensions = directory / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
        _openssl(
            "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
            "-out", self.certificate, "-days", "2", "-extfile", extensions,
        )  # fmt: skip
        self.pem = ca.read_text()


class TlsProxy:
    """Terminates TLS on a port of 127.0.0.1, by default a free one, and forwards to `port`."""

    def __init__(self, authority: Authority, port: int, own_port: int = 0):
        self.received = 0  # bytes that clients sent after the handshake
        self._to = port
        self._sockets: list[socket.socket] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.certificate, authority.key)
        self._context.set_alpn_protocols(["h2"])
        self._listener = socket.create_server(("127.0.0.1", own_port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends as a killed process does: nothing listens, and all connections are broken."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            client = self._context.wrap_socket(plain, server_side=True)
            driver = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            plain.close()
            return
        self._sockets += [client, driver]
        back = threading.Thread(target=_copy, args=(driver, client), daemon=True)
        back.start()
        try:
            while data := client.recv(65536):
                self.received += len(data)
                driver.sendall(data)
        except OSError:
            pass
        driver.close()


def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            to.sendall(data)
    except OSError:
        pass
    to.close()


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
