"""The table of doctor's conditions, which the files of test_doctor fill."""

import doctor_runtimes

# (name of the condition, severity, names that come with it, what makes it). What makes it may return what mends it.
CONDITIONS = [*doctor_runtimes.CONDITIONS]


def condition(name, severity, *besides):
    def register(make):
        CONDITIONS.append((name, severity, set(besides), make))
        return make
    return register


def sysctl(t, key, value):
    t.node.on_host("sysctl", "-qw", f"{key}={value}")
