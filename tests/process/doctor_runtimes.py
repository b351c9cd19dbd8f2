"""What doctor finds in runtimes' configurations, for test_doctor: each is there in a mount namespace of the tool's."""

import os
import shutil


def configure_containerd(t, text):
    """For the tool alone; the machine's own stays as it is."""
    place = os.path.join(t.node.directory, "containerd")
    os.mkdir(place)
    with open(os.path.join(place, "config.toml"), "w", encoding="utf-8") as stream:
        stream.write(text)
    t.prefix = ("unshare", "--mount", "sh", "-c", f"mount --bind {place} /etc/containerd && exec \"$@\"", "sh")
    return t.use_no_prefix


def cni_of_containerd(plugins, networks):
    return f'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\nbin_dir = "{plugins}"\nconf_dir = "{networks}"\n'


def a_containerd_that_looks_in_a_directory_without_it(t):
    configure_containerd(t, cni_of_containerd(t.node.plugins, t.net_d))
    t.assert_silent()
    shutil.rmtree(os.path.join(t.node.directory, "containerd"))
    return configure_containerd(t, cni_of_containerd("/usr/lib/patchcord-none", t.net_d))


def a_containerd_that_has_its_networks_elsewhere(t):
    networks = os.path.join(t.node.directory, "usual")
    shutil.copytree(t.net_d, networks)
    mend = configure_containerd(t, cni_of_containerd(t.node.plugins, "/srv/net.d"))
    t.prefix = ("unshare", "--mount", "env", "NETCONFPATH=/etc/cni/net.d", "sh", "-c",
                f"mount --bind {t.node.directory}/containerd /etc/containerd && mount -t tmpfs none /usr/share/containers && "
                f"mount -t tmpfs none /etc/cni && mkdir /etc/cni/net.d && cp {networks}/* /etc/cni/net.d && exec \"$@\"", "sh")
    return mend


def a_containerd_whose_file_is_torn(t):
    return configure_containerd(t, 'version = 2\n[plugins."io.containerd')


CONDITIONS = [
    ("runtime-looks-elsewhere", "error", set(), a_containerd_that_looks_in_a_directory_without_it),
    ("runtime-looks-elsewhere", "warning", set(), a_containerd_that_has_its_networks_elsewhere),
    ("runtime-unreadable", "warning", set(), a_containerd_whose_file_is_torn),
]
