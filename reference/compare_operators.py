#!/usr/bin/env python3
"""Run the operator tests of the PyPI package onnx through Recoup, and write docs/onnx.md's table.

    pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
    cargo build --release --manifest-path operators/Cargo.toml
    python3 compare_operators.py [--keep FOLDER] [part of a name]

With a part of a name, runs those tests only, prints each verdict and leaves the table alone.
`--keep` keeps the models and vectors (as in odd/, see README.md) of this run. How tests become
models is in operators/cases.py; operators/src/main.rs runs one of them.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor

import onnx
from onnx import defs
from onnx.backend.test.loader import load_model_tests

from operators.cases import NEWEST, Skip, subject, write_cases

VERSION = "1.23.2"
HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs/onnx.md"
BEGIN, END = "<!-- made by reference/compare_operators.py -->", "<!-- end -->"

CPU_S, WALL_S, MEMORY_BYTES = 20, 60, 4 << 30
REASON_LETTERS = 100
SHORTER = [
    (r"^.*?\.onnx: ", ""),
    (r'^node ".*?" \(\w+\): ', ""),
    (r"[;:] (?:end|export|expected|unroll|cut|quantise) .*", ""),
    (r"^cannot be run: ", ""),
    (r'^operator error: |^operator "" (?:failed|subgraph error): ', ""),
    (r"input or attribute has invalid value: ", ""),
    (r"\. Inputs were .*", ""),
    (r'^reads ".*?", (integers of 8 bits), .*', "computes with \\1"),
    (r"^(\w+) operator not supported or not enabled$", "rten has no \\1"),
    (r" because rten was compiled without .*", ""),
    (r"\[[-\d, ]*\]", "[...]"),
]
# Recoup's word for an output that is known before anything is fed: no test of the operator.
CONSTANT = "does not depend on the input"


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def judge(program, path):
    """Verdict and detail of one model, in a process of its own."""
    try:
        done = subprocess.run([program, path], capture_output=True, text=True, timeout=WALL_S,
                              preexec_fn=limit, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    except subprocess.TimeoutExpired:
        return "endless", f"more than {WALL_S} s"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        return "ends", f"code {done.returncode}: {last}"
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["verdict"], answer["detail"]


def shortened(detail):
    """A message without file, node, numbers and advice, so that like ones are one."""
    for pattern, replacement in SHORTER:
        detail = re.sub(pattern, replacement, detail)
    if len(detail) > REASON_LETTERS:
        detail = detail[:REASON_LETTERS - 3].rstrip() + "..."
    return detail.replace("|", "\\|").replace("<", "&lt;")


def sets(operator):
    """The operator sets that changed an operator."""
    found = sorted({schema.since_version for schema in defs.get_all_schemas_with_history()
                    if (schema.domain, schema.name) == ("", operator)
                    and schema.since_version <= NEWEST})
    return ", ".join(map(str, found))


def counted(reasons):
    return "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())


def row(operator, verdicts):
    """One operator's line."""
    refused, other = collections.Counter(), collections.Counter()
    for verdict, detail in verdicts:
        if verdict.startswith("refused"):
            refused[shortened(detail)] += 1
        elif verdict != "equal":
            other[verdict] += 1
    equal = sum(verdict == "equal" for verdict, _ in verdicts)
    return (f"| {operator} | {sets(operator)} | {len(verdicts)} | {equal} "
            f"| {counted(refused)} | {counted(other)} |")


def no_cases(skipped):
    """A line for each reason, with the kinds behind its colon in one."""
    totals, kinds = collections.Counter(), collections.defaultdict(list)
    for reason, count in sorted(skipped.items()):
        reason, _, kind = reason.partition(": ")
        totals[reason] += count
        kinds[reason] += [kind] if kind else []
    for reason, count in totals.most_common():
        yield f"- {count}: {reason}" + (f" ({', '.join(kinds[reason])})" if kinds[reason] else "")


def table(results, skipped, constant):
    """The page's part between the markers."""
    rows = collections.defaultdict(list)
    for operator, _, verdict, detail in results:
        rows[operator].append((verdict, detail))
    total = collections.Counter(verdict for _, _, verdict, _ in results)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in total.most_common())
    lines = [f"onnx {VERSION}: {len(results)} cases of {len(rows)} operators: {counts}.", "",
             "| operator | changed in sets | cases | equal | refused | other |",
             "|---|---|---|---|---|---|"]
    lines += [row(operator, verdicts) for operator, verdicts in sorted(rows.items())]
    lines += ["", f"{constant} more cases have an output that does not depend on what is fed. "
              f"Tests of the suite that are no cases, {skipped.total()} in all:", "",
              *no_cases(skipped)]
    return "\n".join(lines)


def write_table(text):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


def run(arguments, folder):
    """Operator, case, verdict and detail of every case; how many tests are none, and why; how many
    cases have a constant output."""
    with warnings.catch_warnings():
        # The suite divides by zero where that is what it tests.
        warnings.simplefilter("ignore")
        tests = load_model_tests(kind="node")
    skipped, models = collections.Counter(), []
    for test in tests:
        if arguments.part not in test.name:
            continue
        try:
            models += [(subject(test), name) for name in write_cases(test, folder)]
        except Skip as reason:
            skipped[str(reason)] += 1
    with ThreadPoolExecutor(arguments.jobs) as pool:
        verdicts = list(pool.map(
            lambda model: judge(arguments.program, folder / f"{model[1]}.onnx"), models))
    results = [(*model, *verdict) for model, verdict in zip(models, verdicts)]
    kept = [result for result in results if CONSTANT not in result[-1]]
    return kept, skipped, len(results) - len(kept)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", nargs="?", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path,
                        default=HERE / "operators/target/release/recoup-operators")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if onnx.__version__ != VERSION:
        sys.exit(f"onnx {VERSION} is needed, found {onnx.__version__}")
    if not arguments.program.exists():
        sys.exit(f"{arguments.program} is missing; build it first, as this file's head says")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        results, skipped, constant = run(arguments, folder)
    for operator, name, verdict, detail in results:
        if verdict != "equal" or arguments.part:
            print(f"{verdict}: {operator}, {name}: {detail}")
    if not arguments.part:
        write_table(table(results, skipped, constant))


if __name__ == "__main__":
    main()
