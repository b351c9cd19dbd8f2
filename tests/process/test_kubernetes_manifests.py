"""packaging/kubernetes: chart, manifests and kustomize bases, which are of one source, and what the API of Kubernetes would say of them."""

import copy
import json
import os
import re
import tempfile
import unittest

import yaml

from fake_node import ROOT
from kubernetes_objects import faults_of
from patience import run

FOLDER = os.path.join(ROOT, "packaging", "kubernetes")
PLAIN, REMOVAL = os.path.join("base", "patchcord.yaml"), "patchcord-remove.yaml"
SCRIPT = os.path.join(FOLDER, "node.sh")


def open_text(*path):
    with open(os.path.join(FOLDER, *path), encoding="utf-8") as stream:
        return stream.read()


def documents(name):
    return list(yaml.safe_load_all(open_text(name)))


def document(name, kind):
    found, = (each for each in documents(name) if each["kind"] == kind)
    return found


def pod_of(name=PLAIN):
    return document(name, "DaemonSet")["spec"]["template"]["spec"]


class OneSourceTest(unittest.TestCase):
    def test_the_plain_manifests_are_what_the_chart_says(self):
        with tempfile.TemporaryDirectory() as place:
            os.mkdir(os.path.join(place, "base"))
            run([os.path.join(FOLDER, "render"), place], check=True)
            for name in (PLAIN, REMOVAL):
                with open(os.path.join(place, name), encoding="utf-8") as stream:
                    self.assertEqual(stream.read(), open_text(name), f"{name}: packaging/kubernetes/render makes it anew")

    def test_the_chart_needs_no_word_of_helms_that_the_renderer_does_not_know(self):
        values = yaml.safe_load(open_text("chart", "values.yaml"))
        named = set()
        for name in os.listdir(os.path.join(FOLDER, "chart", "templates")):
            for expression in re.findall(r"\{\{(.*?)\}\}", open_text("chart", "templates", name)):
                match = re.fullmatch(r" \.(Release\.Namespace|Values\.(\w+)((?: \| (?:toJson|toString|indent \d+))*)) ", expression)
                self.assertIsNotNone(match, expression)
                named.add(match[2])
        self.assertEqual(named - {None}, set(values))  # no value that nothing reads

    def test_the_kustomize_base_is_the_plain_manifest_and_its_overlay_the_removal(self):
        base = yaml.safe_load(open_text("base", "kustomization.yaml"))
        self.assertEqual((base["kind"], base["resources"]), ("Kustomization", ["patchcord.yaml"]))
        removal = yaml.safe_load(open_text("remove", "kustomization.yaml"))
        self.assertEqual(removal["resources"], ["../base"])
        patched = document(PLAIN, "DaemonSet")
        change, = removal["patches"]
        self.assertEqual(change["target"], {"kind": "DaemonSet", "name": patched["metadata"]["name"]})
        for each in yaml.safe_load(change["patch"]):
            self.assertEqual(each["op"], "replace")
            *path, last = [int(part) if part.isdigit() else part for part in each["path"].split("/")[1:]]
            place = patched
            for part in path:
                place = place[part]
            self.assertTrue(place[last])  # replace demands that it is there
            place[last] = each["value"]
        self.assertEqual(patched, document(REMOVAL, "DaemonSet"))


class ManifestTest(unittest.TestCase):
    def test_the_api_takes_them(self):
        for name in (PLAIN, REMOVAL):
            for each in documents(name):
                with self.subTest(f"{name} {each['kind']}"):
                    self.assertEqual(faults_of(each), [])

    def test_what_the_api_does_not_take_is_found(self):
        """That the test above can fail."""
        for change, fault in ((lambda pod: pod.update(hostNetwrok=True), "hostNetwrok is unknown"),
                              (lambda pod: pod.update(hostPID="yes"), "hostPID is no boolean"),
                              (lambda pod: pod["containers"][0].pop("name"), "containers[0].name is missing"),
                              (lambda pod: pod["containers"][0]["env"][0].update(value=60), "env[0].value is no string"),
                              (lambda pod: pod.update(volumes={}), "volumes is no list")):
            broken = copy.deepcopy(document(PLAIN, "DaemonSet"))
            change(broken["spec"]["template"]["spec"])
            found, = faults_of(broken)
            self.assertTrue(found.endswith(fault), found)

    def test_their_parts_fit_together(self):
        for name in (PLAIN, REMOVAL):
            pods = document(name, "DaemonSet")["spec"]
            self.assertEqual(pods["selector"]["matchLabels"], pods["template"]["metadata"]["labels"])
            pod = pods["template"]["spec"]
            mounted = {mount["name"] for container in pod["initContainers"] + pod["containers"] for mount in container["volumeMounts"]}
            self.assertEqual(mounted, {volume["name"] for volume in pod["volumes"]})
            for container in pod["initContainers"] + pod["containers"][:1]:
                self.assertEqual(container["command"][:2], ["/bin/sh", "/node.sh"])
                self.assertRegex(open_text("node.sh"), rf"(?m)^  {container['command'][2]}\)")
            metrics = pod["containers"][1]
            annotations = pods["template"]["metadata"]["annotations"]
            self.assertEqual([annotations["prometheus.io/port"], int(annotations["prometheus.io/port"])],
                             [metrics["command"][4], metrics["ports"][0]["containerPort"]])
            self.assertIn(os.path.basename(metrics["command"][-1]), document(name, "ConfigMap")["data"])
        self.assertEqual(document(REMOVAL, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"], {"maxUnavailable": "100%"})

    def test_they_serve_a_node_as_it_is(self):
        """Before there is a network, tainted, full, under SELinux and Pod Security, and without writing into the container."""
        pod = pod_of()
        self.assertTrue(pod["hostNetwork"] and pod["hostPID"])
        self.assertEqual((pod["priorityClassName"], pod["tolerations"]), ("system-node-critical", [{"operator": "Exists"}]))
        labels = document(PLAIN, "Namespace")["metadata"]["labels"]
        self.assertEqual({labels[f"pod-security.kubernetes.io/{each}"] for each in ("enforce", "audit", "warn")}, {"privileged"})
        self.assertEqual({each["metadata"]["namespace"] for each in documents(PLAIN) if "namespace" in each["metadata"]},
                         {document(PLAIN, "Namespace")["metadata"]["name"]})
        for container in pod["initContainers"] + pod["containers"]:
            self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
            self.assertIn("memory", container["resources"]["limits"])
        self.assertEqual([each["securityContext"].get("privileged", False) for each in pod["initContainers"] + pod["containers"]],
                         [True, True, False])
        self.assertEqual(pod["containers"][0]["readinessProbe"]["exec"]["command"], ["/bin/sh", "/node.sh", "ready"])

    def test_the_account_may_do_what_the_script_asks_the_api_for_and_no_more(self):
        account = document(PLAIN, "ServiceAccount")["metadata"]
        binding = document(PLAIN, "ClusterRoleBinding")
        role = document(PLAIN, "ClusterRole")
        self.assertEqual(pod_of()["serviceAccountName"], account["name"])
        self.assertEqual([(each["name"], each["namespace"]) for each in binding["subjects"]], [(account["name"], account["namespace"])])
        self.assertEqual(binding["roleRef"]["name"], role["metadata"]["name"])
        self.assertEqual(role["rules"], [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])

    def test_the_network_masquerades_what_leaves_for_other_than_private_networks(self):
        plugin, = json.loads(document(PLAIN, "ConfigMap")["data"]["10-patchcord.conflist"].replace("@RANGES@", "[]"))["plugins"]
        self.assertTrue(plugin["ipMasq"])
        self.assertIn("10.0.0.0/8", plugin["ipMasqExclude"])
        self.assertIn("fc00::/7", plugin["ipMasqExclude"])

    def test_prometheus_gets_a_text_of_its_type(self):
        """By the server that the manifest runs, over stdin: of the one file that is there, and nothing beside it."""
        with tempfile.TemporaryDirectory() as place:
            os.mkdir(os.path.join(place, "work"))
            config = document(PLAIN, "ConfigMap")["data"]["httpd.conf"]
            for name, text in (("httpd.conf", config), ("work/metrics.prom", "patchcord_attachments 1\n")):
                with open(os.path.join(place, name), "w", encoding="utf-8") as stream:
                    stream.write(text)
            program, applet, *_ = pod_of()["containers"][1]["command"]
            serve = [program, applet, "-i", "-h", os.path.join(place, "work"), "-c", os.path.join(place, "httpd.conf")]
            page = run(serve, input="GET /metrics.prom HTTP/1.0\r\n\r\n").stdout
            self.assertRegex(page, r"(?i)^HTTP/1.[01] 200 OK\n(.+\n)*Content-type: text/plain; ?version=0.0.4\n")
            self.assertTrue(page.endswith("\n\npatchcord_attachments 1\n"), page)
            self.assertNotIn(" 200 ", run(serve, input="GET /../httpd.conf HTTP/1.0\r\n\r\n").stdout)

    def test_the_image_has_what_they_run(self):
        image = open_text("Dockerfile")
        for source, place in re.findall(r"(?m)^COPY (\S+) (\S+)$", image):
            self.assertIn(place, ("/patchcord", "/node.sh"))
            if source != "build/patchcord":
                self.assertTrue(os.path.exists(os.path.join(ROOT, source)))
        self.assertEqual(len(re.findall(r"(?m)^COPY ", image)), 2)
        self.assertRegex(image, r"apt-get install .* curl busybox-static\b")  # whose httpd not every busybox has


if __name__ == "__main__":
    unittest.main()
