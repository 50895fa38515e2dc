"""A driver on another machine: encrypted, and authenticated by its certificate."""

import grpc
import pyspark.sql.connect.client.core as core
import pytest
from tls import Authority, TlsProxy

from aglais_kernel.pyspark_hooks import channel_builder

TOKEN = "only-for-the-driver"


class Echo(grpc.GenericRpcHandler):
    """Answers each call with the token that came with it."""

    def __init__(self):
        self.tokens = []

    def service(self, call):
        def answer(request, context):
            metadata = dict(context.invocation_metadata())
            self.tokens.append(metadata.get("authorization"))
            return request

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def driver(authority):
    """A gRPC server with the certificate; its port and the received tokens."""
    from concurrent.futures import ThreadPoolExecutor

    echo = Echo()
    server = grpc.server(ThreadPoolExecutor(2), handlers=[echo])
    pair = (authority.key.read_bytes(), authority.certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    yield port, echo
    server.stop(None)


def call(port, ca):
    builder = channel_builder(core, f"sc://127.0.0.1:{port}", ca)
    builder.set("token", TOKEN)
    with builder.toChannel() as channel:
        return channel.unary_unary("/any/Call")(b"hello", timeout=5)


def test_the_token_is_sent_to_a_driver_with_a_certificate_of_the_authority_at_any_address(
    driver, authority
):
    port, echo = driver
    assert call(port, authority.pem) == b"hello"
    assert echo.tokens == [f"Bearer {TOKEN}"]


def test_nothing_is_sent_to_a_driver_of_another_authority(driver, tmp_path):
    port, echo = driver
    with pytest.raises(grpc.RpcError) as refusal:
        call(port, Authority(tmp_path / "other").pem)
    assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
    assert echo.tokens == []


def test_nothing_is_sent_to_a_driver_whose_certificate_has_another_name(tmp_path):
    stranger = Authority(tmp_path / "stranger", name="elsewhere")
    proxy = TlsProxy(stranger, port=9)
    with pytest.raises(grpc.RpcError):
        call(proxy.port, stranger.pem)
    assert proxy.received == 0
    proxy.close()


def test_a_driver_on_this_machine_needs_no_authority():
    builder = channel_builder(core, "sc://localhost:15002", None)
    assert type(builder) is core.DefaultChannelBuilder


def test_a_notebook_uses_an_encrypted_spark_like_any_other(
    kernel, backend, spark_server, authority
):
    proxy = TlsProxy(authority, spark_server.port)
    backend.behind = (f"sc://127.0.0.1:{proxy.port}", authority.pem)
    assert kernel.run("spark.range(10).count()").result == "10"
    assert proxy.received > 0
    # The variable that users print or pass on contains no secret.
    shown = kernel.run("import os; print(os.environ['SPARK_REMOTE'])").text
    assert shown == f"sc://127.0.0.1:{proxy.port}\n"
    proxy.close()
