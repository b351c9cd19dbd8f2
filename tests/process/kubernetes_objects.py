"""Whether objects are what the API of Kubernetes 1.36 takes: kubernetes_api.json has the members of each kind and their types ("!": needed)."""

import functools
import json
import os
import re

WORDS = {"string": str, "number": (int, float), "boolean": bool}


@functools.cache
def kinds():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kubernetes_api.json"), encoding="utf-8") as stream:
        return json.load(stream)


def faults(value, wanted, path):
    """A line for each member that there is not, lacks, or has another type."""
    if wanted == "any":
        return []
    if wanted == "IntOrString":
        return [] if isinstance(value, (int, str)) and not isinstance(value, bool) else [f"{path} is no number or text"]
    if wanted in WORDS:
        is_right = isinstance(value, WORDS[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        return [] if is_right else [f"{path} is no {wanted}"]
    if of_each := re.fullmatch(r"Array<(.*)>", wanted):
        if not isinstance(value, list):
            return [f"{path} is no list"]
        return [fault for number, each in enumerate(value) for fault in faults(each, of_each[1], f"{path}[{number}]")]
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    if of_each := re.fullmatch(r"\{ \[key: string\]: (.*); \}", wanted):
        return [fault for name, each in value.items() for fault in faults(each, of_each[1], f"{path}.{name}")]
    members = kinds()[wanted]
    found = [f"{path}.{name} is missing" for name, kind in members.items() if kind.endswith("!") and name not in value]
    for name, each in value.items():
        found += faults(each, members[name].rstrip("!"), f"{path}.{name}") if name in members else [f"{path}.{name} is unknown"]
    return found


def faults_of(document):
    version = document["apiVersion"].rpartition("/")[2].capitalize()
    return faults(document, version + document["kind"], document["kind"])
