#!/usr/bin/env bash
# The environment for maturin and the tests, in the target directory; made again when their versions
# change. Whoever comes second waits.
set -euo pipefail
cd "$(dirname "$0")"
place=$(mkdir -p "${CARGO_TARGET_DIR:-../target}/python" && cd "${CARGO_TARGET_DIR:-../target}/python" && pwd)
exec 9>"$place/lock"
flock 9
cmp -s requirements-test.txt "$place/requirements.txt" && exit

rm -rf "$place/tests" "$place/requirements.txt" && python3 -m venv "$place/tests"
wanted=$place/wanted.txt
cp requirements-test.txt "$wanted"
# PyTorch has 5 GB: one that python3 has already is taken, if the package allows its version.
if found=$(python3 - 2>/dev/null <<'END'
import pathlib
import torch

assert (2, 6) <= tuple(map(int, torch.__version__.split(".")[:2])) < (3, 0)
print(pathlib.Path(torch.__file__).parents[1])
END
); then
    grep -v '^torch==' requirements-test.txt >"$wanted"
fi
"$place/tests/bin/pip" install --quiet --disable-pip-version-check --no-cache-dir -r "$wanted" || {
    printf 'python/environment.sh: pip could not install %s (above: why); it needs the network and 8 GB\n' \
        "$wanted" >&2
    exit 1
}
# Behind what was installed, which Python finds first.
if [ -n "$found" ]; then
    printf '%s\n' "$found" >"$(echo "$place"/tests/lib/python3*/site-packages)/found_torch.pth"
fi
cp requirements-test.txt "$place/requirements.txt"
