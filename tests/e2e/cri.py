"""Pods of containerd's CRI plugin, asked for by gRPC as a kubelet does.

The few messages of k8s.io/cri-api (runtime/v1/api.proto) that are needed are
written by their field numbers: {number: value}, where a list repeats the field.
"""

import image
from commands import slowness, wait_until

PYTHON_GRPC = "/usr/lib/python3/dist-packages/grpc"  # Debian's python3-grpcio

SOCKET = "/run/containerd/containerd.sock"
SERVICE = "/runtime.v1.RuntimeService/"
SECONDS = 60  # for a call, on a machine that has nothing else to do

LENGTH_DELIMITED = 2


class Cri:
    """A kubelet's connection to the containerd of the host."""

    def __init__(self, host):
        # Only here: the other tests do without it.
        import grpc  # pylint: disable=import-outside-toplevel
        self.host = host
        # Go takes no address of a file for the name of a server.
        self._channel = grpc.insecure_channel(
            "unix:" + host.path_of(SOCKET), [("grpc.default_authority", "localhost")])
        self._error = grpc.RpcError
        wait_until(self.network_is_ready, lambda: "the network to be ready by CRI Status")

    def close(self):
        self._channel.close()

    def call(self, method, fields):
        unary = self._channel.unary_unary(SERVICE + method, encode, decode)
        return unary(fields, timeout=SECONDS * slowness())

    def network_is_ready(self):
        try:
            status, = self.call("Status", {})[1]
        except self._error:
            return False
        conditions = [decode(condition) for condition in decode(status)[1]]
        return any(condition[1] == [b"NetworkReady"] and condition.get(2) == [1]
                   for condition in conditions)

    def run_pod(self, name, ports=None, annotations=None):
        return Pod(self, name, ports or {}, annotations or {})


class Pod:
    """A pod of one container; ports: container's by host's."""

    def __init__(self, cri, name, ports, annotations):
        self.name = name
        self._cri = cri
        self._config = {
            1: {1: name, 2: f"uid-of-{name}", 3: "default"},
            2: name,
            5: [{2: container, 3: host} for host, container in ports.items()],
            7: [{1: key, 2: value} for key, value in annotations.items()],
            8: {1: cri.host.cgroup_parent},
        }
        self.id = text(cri.call("RunPodSandbox", {1: self._config})[1])
        self._container = None

    def run(self, *command):
        """Starts the pod's container."""
        container = {1: {1: self.name}, 2: {1: image.IMAGE_NAME}, 3: list(command)}
        created = self._cri.call("CreateContainer", {1: self.id, 2: container, 3: self._config})
        self._container = text(created[1])
        self._cri.call("StartContainer", {1: self._container})
        return self

    def exec(self, *argv, check=True):
        """Runs a command in the container."""
        done = ExecDone(self._cri.call("ExecSync", {1: self._container, 2: list(argv), 3: 30}))
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} ended with {done.returncode}: {done.stderr}")
        return done

    def address(self):
        """As the kubelet sees it."""
        status, = self._cri.call("PodSandboxStatus", {1: self.id})[1]
        return text(decode(decode(status)[5][0])[1])

    def remove(self):
        self._cri.call("StopPodSandbox", {1: self.id})
        self._cri.call("RemovePodSandbox", {1: self.id})


class ExecDone:
    """Looks like a CompletedProcess."""

    def __init__(self, fields):
        self.stdout = text(fields.get(1, [b""]))
        self.stderr = text(fields.get(2, [b""]))
        self.returncode, = fields.get(3, [0])


def text(values):
    value, = values
    return value.decode()


# -- protobuf's encoding, as far as these messages need it ---------------------

def encode(fields):
    return b"".join(encode_field(number, value) for number, values in fields.items()
                    for value in (values if isinstance(values, list) else [values]))


def encode_field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = encode(value) if isinstance(value, dict) else value.encode()
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(data)) + data


def varint(value):
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def decode(data):
    """{number: [values]}: integers, and bytes, which may be messages in turn."""
    fields = {}
    at = 0
    while at < len(data):
        key, at = decode_varint(data, at)
        value, at = decode_varint(data, at)
        if key & 7 == LENGTH_DELIMITED:
            value, at = data[at:at + value], at + value
        fields.setdefault(key >> 3, []).append(value)
    return fields


def decode_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        shift, at = shift + 7, at + 1
        if byte < 128:
            return value, at
