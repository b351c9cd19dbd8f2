"""An etcd of one or several members on the loopback of a namespace, with mutual TLS or plain, and nodes that ask it by patchcord-blocks."""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "process"))
import patience  # noqa: E402

PLUGIN = os.environ.get("PATCHCORD_BIN", os.path.join(ROOT, "build", "patchcord"))
BLOCKS = os.path.join(os.path.dirname(PLUGIN), "patchcord-blocks")
PREFIX = "/patchcord/v1/lab/"


def make_certificates(directory):
    """A CA, and by it a server's (for 127.0.0.1, no name) and a node's. A stranger's CA beside it."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=directory, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for authority in ("ca", "stranger"):
        openssl("req", "-x509", *curve, "-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-subj", f"/CN={authority}", "-days", "30")
    # etcd's gateway dials its own server with the server's certificate, which so is a client's, too.
    for name, uses, names in (("server", "serverAuth,clientAuth", "IP:127.0.0.1"), ("elsewhere", "serverAuth,clientAuth", "IP:192.0.2.7"),
                              ("node", "clientAuth", "DNS:node")):
        with open(os.path.join(directory, f"{name}.ext"), "w", encoding="utf-8") as file:
            file.write(f"extendedKeyUsage={uses}\nsubjectAltName={names}\n")
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/O=lab")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "30",
                "-extfile", f"{name}.ext")


class EtcdCluster:
    """`namespace`, of a lab, is where it runs; without one it makes its own."""
    _count = 0

    def __init__(self, members=1, tls=False, namespace=None, address="127.0.0.1"):
        EtcdCluster._count += 1
        self.directory = tempfile.mkdtemp(prefix="patchcord-etcd-")
        self.scheme = "https" if tls else "http"
        self.address, self.tls = address, tls
        self.own = namespace is None
        self.namespace = namespace or f"pce{os.getpid()}x{EtcdCluster._count}"
        self.members = {}
        try:
            self._begin(members)
        except BaseException:
            self.close()
            raise

    def _begin(self, members):
        if self.own:
            subprocess.run(["ip", "netns", "add", self.namespace], check=True)
            subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        if self.tls:
            make_certificates(self.directory)
        self.numbers = range(members)
        for number in self.numbers:
            self.start(number)
        if not patience.until(self.is_up):
            raise AssertionError("etcd did not come up: " + self.log())

    def close(self):
        for member in self.members.values():
            member.kill()
            member.wait()
        if self.own:
            subprocess.run(["ip", "netns", "del", self.namespace], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, number):
        return f"{self.scheme}://{self.address}:{2379 + 10 * number}"

    @property
    def endpoints(self):
        return [self.url(number) for number in self.numbers]

    def peer(self, number):
        return f"http://{self.address}:{2380 + 10 * number}"

    def start(self, number, certificate="server"):
        words = ["etcd", "--name", f"m{number}", "--data-dir", f"{self.directory}/m{number}", "--log-level", "error",
                 "--listen-client-urls", self.url(number), "--advertise-client-urls", self.url(number),
                 "--listen-peer-urls", self.peer(number), "--initial-advertise-peer-urls", self.peer(number),
                 "--initial-cluster", ",".join(f"m{each}={self.peer(each)}" for each in self.numbers), "--initial-cluster-state", "new",
                 # What etcd waits for on a machine that is busy with other tests.
                 "--heartbeat-interval", "300", "--election-timeout", "3000"]
        if self.tls:
            words += ["--client-cert-auth", "--trusted-ca-file", f"{self.directory}/ca.pem",
                      "--cert-file", f"{self.directory}/{certificate}.pem", "--key-file", f"{self.directory}/{certificate}.key"]
        with open(f"{self.directory}/log{number}", "ab") as log:
            self.members[number] = subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.namespace}", *words],
                                                    stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})

    def log(self):
        return "".join(open(f"{self.directory}/log{number}", encoding="utf-8", errors="replace").read() for number in self.members)

    def signal(self, what, numbers=None):
        for number in self.numbers if numbers is None else numbers:
            self.members[number].send_signal(what)

    def stop(self, numbers=None):
        self.signal(signal.SIGSTOP, numbers)

    def go_on(self, numbers=None):
        self.signal(signal.SIGCONT, numbers)

    # -- asked directly

    def curl(self, number, path, body):
        words = ["curl", "-sS", "--max-time", "5", self.url(number) + path, "-d", json.dumps(body)]
        if self.tls:
            words += ["--cacert", "ca.pem", "--cert", "node.pem", "--key", "node.key"]
        done = patience.run(["nsenter", f"--net=/var/run/netns/{self.namespace}", *words], cwd=self.directory)
        return json.loads(done.stdout) if done.returncode == 0 and done.stdout.startswith("{") else None

    def is_up(self):
        return all("header" in (self.curl(number, "/v3/kv/range", {"key": encode("x")}) or {}) for number in self.numbers)

    def keys(self, below=""):
        """What is there, by the part of the key behind `below`."""
        first = PREFIX + below
        answer = self.curl(0, "/v3/kv/range", {"key": encode(first), "range_end": encode(first[:-1] + chr(ord(first[-1]) + 1))})
        return {decode(each["key"]).removeprefix(first): decode(each["value"]) for each in answer.get("kvs", [])}

    def put(self, values):
        """Of many keys at a time; etcd takes 128 operations in a transaction."""
        items = list(values.items())
        for at in range(0, len(items), 100):
            puts = [{"request_put": {"key": encode(PREFIX + key), "value": encode(value)}} for key, value in items[at:at + 100]]
            if "header" not in (self.curl(0, "/v3/kv/txn", {"success": puts}) or {}):
                raise AssertionError("etcd does not take what is put")

    # -- nodes

    def node(self, name, machine=None, **settings):
        return EtcdNode(self, name, machine, settings)


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


class EtcdNode:
    """A node as patchcord-blocks sees it: a cluster.json and a machine-id."""

    def __init__(self, cluster, name, machine, settings):
        self.cluster, self.name = cluster, name
        place = os.path.join(cluster.directory, f"{name}-{machine or 'own'}")
        self.machine, self.settings = place + ".id", place + ".json"
        with open(self.machine, "w", encoding="utf-8") as file:
            file.write((machine or name).encode().hex().ljust(32, "0")[:32] + "\n")
        content = {"node": name, "cluster": "lab", "source": "etcd", "endpoints": cluster.endpoints}
        if cluster.tls:
            content.update({"ca": f"{cluster.directory}/ca.pem", "cert": f"{cluster.directory}/node.pem", "key": f"{cluster.directory}/node.key"})
        with open(self.settings, "w", encoding="utf-8") as file:
            json.dump({**content, **settings}, file)

    @property
    def environment(self):
        return {"PATH": os.environ["PATH"], "PATCHCORD_CLUSTER": self.settings, "PATCHCORD_MACHINE_ID": self.machine, "PATCHCORD_BLOCKS": BLOCKS}

    def start(self, *words, prefix=()):
        return subprocess.Popen(["nsenter", f"--net=/var/run/netns/{self.cluster.namespace}", *prefix, BLOCKS, *words], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment)

    def ask(self, *words, prefix=(), **given):
        """Exit status and document."""
        process = self.start(*words, prefix=prefix)
        stdout, stderr = patience.communicate(process, json.dumps(given))
        return process.returncode, json.loads(stdout) if stdout.strip() else {"stderr": stderr}

    def get(self, *words, **given):
        status, document = self.ask(*words, **given)
        if status != 0:
            raise AssertionError(f"{words}: {status} {document}")
        return document

    def claim(self, known=(), pool="pods"):
        return self.get("claim", pool, blocks=list(known))

    def own(self, pool="pods"):
        return self.get("own", pool)["blocks"]
