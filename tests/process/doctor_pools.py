"""What doctor finds about blocks of pools."""

import json
import os

from doctor_conditions import condition


def give(t, *blocks, reserved=(), **keys):
    """Files as they are on a node of a cluster, and the routes to the blocks."""
    directory = os.path.join(t.node.pools, "pods")
    os.makedirs(os.path.join(directory, "addresses"), exist_ok=True)
    for name, text in (("blocks", "".join(block + "\n" for block in blocks)),
                       ("pool.json", json.dumps({"name": "pods", "cidrs": ["10.50.0.0/16"], "block": 28, **keys}))):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as stream:
            stream.write(text)
    for number in reserved:
        with open(os.path.join(directory, "addresses", f"10.50.7.{number}"), "w", encoding="ascii") as stream:
            stream.write(f"c{number}\r\neth0\r\npodnet")
    t.tool("block", "boot")


@condition("block-not-announced", "warning")
def a_block_without_its_route(t):
    give(t, "10.50.7.0/28")
    t.assertEqual(t.names(), [])
    t.node.on_host("ip", "route", "flush", "proto", "81")
    return lambda: t.tool("block", "boot")


@condition("block-lost", "error")
def a_container_in_a_block_that_is_another_nodes(t):
    give(t, "10.50.7.0/28 lost", "10.50.8.0/28", reserved=[5])
    t.assertIn("10.50.7.5 (container c5, interface eth0, network podnet)", t.diagnoses()[0]["text"])
    return lambda: os.unlink(os.path.join(t.node.pools, "pods", "addresses", "10.50.7.5"))


@condition("block-lost", "error")
def a_container_in_no_block_at_all(t):
    give(t, "10.50.8.0/28", reserved=[5])


@condition("blocks-unreadable", "error")
def a_line_that_is_no_block(t):
    give(t, "10.50.8.0/28", "ten")
    return lambda: give(t, "10.50.8.0/28")


@condition("blocks-unreadable", "error")
def a_pool_without_addresses(t):
    give(t, "10.50.8.0/28", cidrs=[])


@condition("pool-nearly-empty", "warning")
def blocks_with_a_tenth_left(t):
    give(t, "10.50.7.0/28", reserved=range(1, 14))
    t.assertEqual(t.names(), [])
    give(t, "10.50.7.0/28", reserved=range(1, 16))
    return lambda: give(t, "10.50.7.0/28", "10.50.8.0/28")


@condition("pool-nearly-empty", "error")
def blocks_with_nothing_left(t):
    give(t, "10.50.7.0/28", reserved=range(16))
    return lambda: give(t, "10.50.7.0/28", local=True)
