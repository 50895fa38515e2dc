"""A minimal Kubernetes API server and kubelet, for one training run of Spark inside the image.

python3 training_cluster.py DIRECTORY

The first pod that Spark creates is run as a process of this container, with the pod's own environment; its
process id is written to DIRECTORY/executor.pid. Later ones stay pending. So driver and executor load the same
classes as on a cluster. Only used to create class-data archives.
"""

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

PODS = "/api/v1/namespaces/training/pods"
FROM_THE_POD = {"status.podIP": "127.0.0.1"}


class Pods:
    """All created pods, and a condition for their changes."""

    def __init__(self, directory):
        self.directory = directory
        self.changed = threading.Condition()
        self.items = []
        self.version = 1

    def create(self, pod):
        with self.changed:
            self.version += 1
            number = str(self.version)
            pod["metadata"].update(
                resourceVersion=number,
                uid=f"00000000-0000-0000-0000-{int(number):012d}",
                namespace="training",
                creationTimestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            )
            pod["status"] = {"phase": "Pending"} if self.items else self.run(pod)
            self.items.append(pod)
            self.changed.notify_all()
        return pod

    def run(self, pod):
        container = pod["spec"]["containers"][0]
        environment = dict(os.environ)
        for variable in container["env"]:
            field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            name = pod["metadata"]["name"]
            value = FROM_THE_POD.get(field, name) if field else variable.get("value", "")
            environment[variable["name"]] = value
        command = ["/opt/aglais/bin/executor.sh", *container.get("args", [])]
        with open(f"{self.directory}/executor.log", "w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        with open(f"{self.directory}/executor.pid", "w") as file:
            file.write(str(process.pid))
        threading.Thread(target=process.wait, daemon=True).start()
        started = pod["metadata"]["creationTimestamp"]
        return {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "startTime": started,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": started}},
                }
            ],
        }

    def listed(self):
        metadata = {"resourceVersion": str(self.version)}
        return {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": self.items}


class Requests(BaseHTTPRequestHandler):
    """The requests of Spark's scheduler."""

    protocol_version = "HTTP/1.1"
    pods: Pods

    def do_GET(self):
        url = urlparse(self.path)
        query = parse_qs(url.query)
        if url.path != PODS:
            kind = url.path.rsplit("/", 1)[-1]
            return self.answer(200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {}, "items": []})
        if query.get("watch") != ["true"]:
            return self.answer(200, self.pods.listed())
        if "websocket" in self.headers.get("Upgrade", "").lower():
            return self.answer(503, {"kind": "Status", "status": "Failure", "code": 503})
        return self.watch()

    def watch(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while True:
            with self.pods.changed:
                while len(self.pods.items) == sent:
                    self.pods.changed.wait()
                new, sent = self.pods.items[sent:], len(self.pods.items)
            for pod in new:
                line = json.dumps({"type": "ADDED", "object": pod}).encode() + b"\n"
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()

    def do_POST(self):
        body = self.body()
        self.answer(201, self.pods.create(body) if urlparse(self.path).path == PODS else body)

    def do_PATCH(self):
        self.body()
        name = urlparse(self.path).path.rsplit("/", 1)[-1]
        found = [pod for pod in self.pods.items if pod["metadata"]["name"] == name]
        self.answer(200, found[0] if found else {"kind": "Status", "status": "Success"})

    do_PUT = do_PATCH

    def do_DELETE(self):
        self.body()
        self.answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")

    def answer(self, code, value):
        text = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *values):
        print(self.command, self.path, *values, file=sys.stderr, flush=True)


def main(directory):
    """Creates a certificate, listens on a free loopback port, and writes the port to DIRECTORY/port."""
    certificate, key = f"{directory}/ca.crt", f"{directory}/ca.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=training", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
    )
    Requests.pods = Pods(directory)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(f"{directory}/port.part", "w") as file:
        file.write(str(server.server_port))
    os.rename(f"{directory}/port.part", f"{directory}/port")
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
