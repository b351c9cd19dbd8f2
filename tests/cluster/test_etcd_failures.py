"""An etcd that is away, slow, not whole or not ours, by plain HTTP and by mutual TLS: one clear error within the deadline."""

import time
import unittest

from etcd_case import EtcdCase
from etcd_cluster import patience


class UnansweredTest(EtcdCase):
    def failure(self, node, *words):
        """Its message, and the seconds that it took."""
        began = time.monotonic()
        status, document = node.ask(*words)
        self.assertEqual(status, 1, document)
        return document["error"], time.monotonic() - began

    def test_an_etcd_that_does_not_answer_is_given_up_at_the_deadline(self):
        self.add_pool()
        node = self.etcd.node("n1", **{"timeout": 1})
        block = node.claim()["block"]
        self.etcd.stop()
        self.addCleanup(self.etcd.go_on)
        error, seconds = self.failure(node, "claim", "pods")
        self.assertIn("no answer within 1.0 s", error)
        self.assertIn(self.etcd.url(0), error)
        self.assertLess(seconds, 1 + 0.5 * patience.slowness())
        self.etcd.go_on()
        # Whether what was asked took effect or not: at most one more, and it is found.
        have = [block, node.claim([block])["block"]]
        self.assertEqual(sorted(node.own()), sorted(have))

    def test_nobody_listens(self):
        error, seconds = self.failure(self.etcd.node("n1", endpoints=["http://127.0.0.1:1"]), "own", "pods")
        self.assertIn("http://127.0.0.1:1: ", error)
        self.assertLess(seconds, 1 * patience.slowness())

    def test_a_host_that_is_not_there(self):
        error, seconds = self.failure(self.etcd.node("n1", endpoints=["http://192.0.2.1:2379"]), "own", "pods")
        self.assertIn("http://192.0.2.1:2379: ", error)
        self.assertLess(seconds, 1 * patience.slowness())

    def test_one_of_several_endpoints_answers(self):
        self.add_pool()
        for order in (["http://127.0.0.1:1", self.etcd.url(0)], [self.etcd.url(0), "http://127.0.0.1:1"]):
            self.etcd.node("n1", endpoints=order).own()

    def test_settings_that_are_wrong(self):
        for settings, words in (({"endpoints": []}, 'names no "endpoints"'), ({"endpoints": ["127.0.0.1:2379"]}, "begins with neither https://"),
                                ({"source": "consul"}, 'source "consul" is neither'), ({"node": "a/b"}, '"node" is "a/b"'),
                                ({"node": "../x"}, '"node" is "../x"'), ({"cert": "/etc/hostname"}, '"cert" and "key" go together'),
                                ({"ca": "/nowhere/ca.pem"}, "/nowhere/ca.pem"), ({"timeout": 0}, '"timeout"'), ({"timeout": "x"}, "type")):
            status, document = self.etcd.node("n1", **settings).ask("own", "pods")
            self.assertEqual(status, 1, settings)
            self.assertIn(words, document["error"])

    def test_a_value_of_somebody_elses(self):
        self.etcd.put({"pool/pods": "no json"})
        status, document = self.etcd.node("n1").ask("claim", "pods")
        self.assertEqual(status, 1)
        self.assertIn("/patchcord/v1/lab/pool/pods", document["error"])

    def test_called_wrongly(self):
        node = self.etcd.node("n1")
        for words in ((), ("claim",), ("claim", "a", "b"), ("steal", "pods"), ("claim", "../pods")):
            self.assertEqual(node.ask(*words)[0], 2, words)


class TlsTest(EtcdCase):
    tls = True

    def test_a_node_claims_by_its_certificate(self):
        self.add_pool()
        self.assertFalse(self.etcd.node("n1").claim()["adopted"])

    def refused(self, words, **settings):
        status, document = self.etcd.node("n1", **settings).ask("own", "pods")
        self.assertEqual(status, 1)
        self.assertRegex(document["error"], words)

    def test_a_server_of_a_strangers_authority_is_not_believed(self):
        self.refused("certificate", ca=f"{self.etcd.directory}/stranger.pem")

    def test_without_a_certificate_nothing_is_had(self):
        status, document = self.etcd.node("n1", cert="", key="").ask("own", "pods")
        self.assertEqual(status, 1)
        self.assertIn('there is no "cert"', document["details"])

    def test_a_certificate_for_another_address_is_not_believed(self):
        self.etcd.members[0].kill()
        self.etcd.members[0].wait()
        self.etcd.start(0, certificate="elsewhere")
        self.addCleanup(lambda: (self.etcd.members[0].kill(), self.etcd.members[0].wait(), self.etcd.start(0), patience.until(self.etcd.is_up)))
        error = patience.until(lambda: match(self.etcd.node("n1").ask("own", "pods")[1].get("error", ""), "no alternative certificate subject"))
        self.assertIn("127.0.0.1", error)


def match(text, words):
    return text if words in text else None


class ThreeMembersTest(EtcdCase):
    members, tls = 3, True

    def test_one_of_three_is_away_and_then_two(self):
        self.add_pool()
        self.addCleanup(self.etcd.go_on)
        have = [self.etcd.node("n1").claim()["block"]]
        for number in self.etcd.numbers:
            self.etcd.stop([number])
            # Who leads may be the one that is away: another one has to be elected first.
            document = patience.until(lambda: self.etcd.node("n1", **{"timeout": 5}).ask("claim", "pods", blocks=have)[1].get("block"))
            self.assertIsNotNone(document)
            have.append(document)
            self.etcd.go_on([number])
            self.assertTrue(patience.until(self.etcd.is_up))
        self.assertEqual(sorted(self.etcd.node("n1").own()), sorted(have))
        self.etcd.stop([0, 1])
        status, document = self.etcd.node("n1", **{"timeout": 1}).ask("claim", "pods", blocks=have)
        self.assertEqual(status, 1, document)
        for url in self.etcd.endpoints:
            self.assertIn(url, document["error"])


if __name__ == "__main__":
    unittest.main()
