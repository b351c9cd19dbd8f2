"""docs/benchmarks.md and its plot, written from what was measured."""

import datetime
import os
import platform
import re


def milliseconds(seconds):
    return f"{seconds * 1000:.2f}" if seconds < 0.1 else f"{seconds * 1000:.0f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.*)", file.read())
    with open("/proc/meminfo", encoding="ascii") as file:
        memory = int(file.read().split()[1]) // 1024
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} processors, {memory} MiB, "
            f"Linux {platform.release()}, {datetime.date.today()}")


BAR, GAP, LEFT, WIDTH = 14, 5, 230, 430
COLOURS = {"floor": "#9aa5b1", "patchcord": "#2f6fde", "drop-ins": "#73a5f5", "reference": "#d9822b"}


def plot(groups):
    """`groups`: (title, [(contender, seconds)]). Bars, each group scaled to its own longest."""
    y, parts = 30, []
    for title, bars in groups:
        parts.append(f'<text x="10" y="{y + 11}" font-weight="bold">{title}</text>')
        longest = max(seconds for _, seconds in bars)
        for contender, seconds in bars:
            width = max(1.0, WIDTH * seconds / longest)
            parts.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{contender}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS.get(contender, "#888")}"/>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 11}">{milliseconds(seconds)} ms</text>')
            y += BAR + GAP
        y += 2 * GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 100}" height="{y}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n<text x="10" y="18">Whole process, median wall time; each group to its own '
            f'scale</text>\n' + "\n".join(parts) + "\n</svg>\n")


def costs_table(bench):
    rows = []
    for (case, contender, command), samples in bench.results.items():
        rows.append((case, contender, command, milliseconds(samples.wall()), milliseconds(samples.wall(90)), milliseconds(samples.wall(99)),
                     milliseconds(samples.median("cpu")), f"{samples.median('peak') / 1024:.1f}", f"{samples.median('faults'):.0f}",
                     samples.calls or "", len(samples.costs)))
    return table(("case", "who", "operation", "p50, ms", "p90", "p99", "CPU, ms", "peak, MiB", "page faults", "system calls", "runs"), rows)


def groups_of(bench):
    groups = []
    for case in dict.fromkeys(key[0] for key in bench.results):
        for command in ("VERSION", "ADD", "DEL"):
            bars = [(key[1].removeprefix("patchcord, "), samples.wall()) for key, samples in bench.results.items()
                    if key[0] == case and key[2] == command]
            if bars:
                groups.append((f"{command} {case}", bars))
    return groups


def document(bench, arguments):
    priority = ", what is measured at a real-time priority, because the machine had other work" if arguments.realtime else ""
    text = ("# Benchmarks\n\nWritten by `make bench` (tests/bench). Whole processes, from the spawn to the exit, alternating in one run, in\n"
            "throwaway namespaces; records and reservations in memory. The floor makes just the kernel requests that a container's\n"
            "network needs, with constants compiled in (tests/bench/floor.c).\n\n"
            f"{machine()}{priority}.\n\n![Whole process, median wall time](benchmarks.svg)\n\n## Targets\n\n"
            + table(("case", "target", "measured", "met"), bench.targets) + "\n## Costs\n\n" + costs_table(bench))
    for title, header, rows in bench.tables:
        text += f"\n## {title}\n\n" + table(header, rows)
    if bench.failures:
        text += "\n## Not measured\n\n" + table(("case", "why"), [(case, " ".join(why.split())) for case, why in bench.failures])
    notes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes.md")
    if os.path.exists(notes):
        with open(notes, encoding="utf-8") as file:
            text += "\n" + file.read()
    return text, plot(groups_of(bench))
