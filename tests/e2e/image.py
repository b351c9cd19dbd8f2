"""Makes the container image of the tests: busybox and nothing else.

The archive has the layout that `docker save` writes, which both
`ctr image import` and `podman load` read. Every time stamp is zero, so the same
busybox gives the same image.

Run by hand: python3 image.py FILE.tar
"""

import hashlib
import io
import json
import platform
import sys
import tarfile

IMAGE_NAME = "localhost/pc-e2e:latest"
BUSYBOX = "/usr/bin/busybox"
DOCUMENT_ROOT = "/www"

APPLETS = ("sh", "cat", "echo", "httpd", "ip", "ls", "nc", "ping", "sleep", "wget")
DIRECTORIES = ("bin", "dev", "etc", "proc", "sys", "tmp", "www")

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write_image(path):
    layer = _layer()
    layer_digest = hashlib.sha256(layer).hexdigest()
    config = _config(layer_digest)
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    layer_name = f"{layer_digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [IMAGE_NAME], "Layers": [layer_name]}]
    with tarfile.open(path, "w") as archive:
        _add_file(archive, layer_name, layer)
        _add_file(archive, config_name, config)
        _add_file(archive, "manifest.json", json.dumps(manifest).encode())


def serve(text, port):
    """The command of a container that answers HTTP on port with text."""
    return ["sh", "-c", f"echo {text} > {DOCUMENT_ROOT}/index.html && "
                        f"exec httpd -f -p {port} -h {DOCUMENT_ROOT}"]


def _layer():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for name in DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        with open(BUSYBOX, "rb") as busybox:
            _add_file(layer, "bin/busybox", busybox.read(), mode=0o755)
        for applet in APPLETS:
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            layer.addfile(entry)
    return buffer.getvalue()


def _config(layer_digest):
    config = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sleep", "3600"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
    }
    return json.dumps(config).encode()


def _add_file(archive, name, content, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    write_image(sys.argv[1])
