"""A server that speaks as the API of Kubernetes does, run as a program: the directory of its certificates and of `behaviour`, a file that says
how it answers: ok, a status, slow, cut, or text."""

import http.server
import json
import ssl
import sys
import time

DIRECTORY, PORT = sys.argv[1], int(sys.argv[2])
NODES = {"n1": ["10.244.1.0/24", "fd44:1::/64"], "n2": ["10.244.2.0/24", "fd44:2::/64"], "new": []}
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 410: "Expired", 429: "TooManyRequests", 500: "InternalError"}


def node_of(name):
    spec = {"podCIDR": NODES[name][0], "podCIDRs": NODES[name]} if NODES[name] else {}
    return {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}, "spec": spec, "status": {"addresses": []}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, document):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, words):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": words, "reason": REASONS[code],
                           "code": code})

    def do_GET(self):
        with open(f"{DIRECTORY}/behaviour", encoding="utf-8") as file:
            how = file.read().strip()
        if how == "slow":
            time.sleep(60)
        if how == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"kind": "Node", "spec"')
            self.close_connection = True
            return
        if how == "text":
            self.answer(200, b"<html>welcome</html>")
        elif how.isdigit():
            self.refuse(int(how), f"as it says {how}")
        elif self.headers.get("Authorization") != "Bearer secret":
            self.refuse(401, "Unauthorized")
        else:
            self.serve()

    def serve(self):
        path, _, query = self.path.partition("?")
        name = path.removeprefix("/api/v1/nodes").removeprefix("/")
        if name and name not in NODES:
            self.refuse(404, f'nodes "{name}" not found')
        elif name:
            self.answer(200, node_of(name))
        else:  # two at a time, as a large cluster's are 500
            first = 2 if "continue=" in query else 0
            items = [node_of(each) for each in list(NODES)[first:first + 2]]
            self.answer(200, {"kind": "NodeList", "apiVersion": "v1", "metadata": {} if first else {"continue": "abc"}, "items": items})


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{DIRECTORY}/server.pem", f"{DIRECTORY}/server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
