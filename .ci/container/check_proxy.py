"""Runs the connector behind an HTTP proxy that intercepts TLS, with and without its CA certificate."""

import shutil
import socket
import ssl
import threading

from checks import must, ok, run
from engines import install


def check_proxy(containers):
    proxy = InterceptingProxy(containers.sandbox, containers.files)
    options = [*containers.locked_down, *containers.mounted]
    options += ["--env", "ZENDESK_BASE_URL=", "--env", f"HTTPS_PROXY=http://127.0.0.1:{proxy.port}"]

    def check(*more):
        done = containers.run("check", "--config", "/config/config.json", options=[*options, *more])
        return done.exits(0), done.messages()[-1]["connectionStatus"]

    done, status = check()
    must(status["status"] == "FAILED" and "certificate" in status["message"], "An unknown CA is trusted.", done)
    done, status = check("--env", "SSL_CERT_FILE=/config/ca.pem")
    must(status["status"] == "SUCCEEDED", "SSL_CERT_FILE was not used.", done)
    must(proxy.hosts == {"sandbox.zendesk.com:443"}, "The connector asked the proxy for other hosts.", proxy.hosts)
    ok("proxy that intercepts TLS: rejected with the built-in roots, accepted with SSL_CERT_FILE")


class InterceptingProxy:
    """Accepts CONNECT with a certificate from its own CA, and forwards the requests to the sandbox."""

    def __init__(self, sandbox, directory):
        if not shutil.which("openssl"):
            install(["openssl"])
        self.hosts, self.sandbox = set(), sandbox
        certificate, key = directory / "server.pem", directory / "server.key"
        authority = ["-CA", directory / "ca.pem", "-CAkey", directory / "ca.key"]
        is_a_ca, is_no_ca = (f"basicConstraints=critical,CA:{value}" for value in ("TRUE", "FALSE"))
        name = "subjectAltName=DNS:sandbox.zendesk.com"
        self.certify("Intercepting proxy", directory / "ca.pem", directory / "ca.key", is_a_ca)
        self.certify("sandbox.zendesk.com", certificate, key, name, "-addext", is_no_ca, *authority)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def certify(self, name, certificate, key, extension, *more):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        run(*command, "-keyout", key, "-out", certificate, "-addext", extension, *more).exits(0)
        certificate.chmod(0o644)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.hosts.add(head.split()[1].decode())
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            inner = self.tls.wrap_socket(client, server_side=True)
        except (ssl.SSLError, OSError):
            return  # the client does not trust the certificate, which is one of the cases
        host, port = self.sandbox.base_url.removeprefix("http://").split(":")
        server = socket.create_connection((host, int(port)))
        threading.Thread(target=self.copy, args=(server, inner), daemon=True).start()
        self.copy(inner, server)

    def copy(self, source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side is closed
