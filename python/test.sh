#!/usr/bin/env bash
# The tests of the Python package: builds a wheel, installs it where there is no Rust, runs the ten
# lines and the command there, and then pytest.
set -euo pipefail
cd "$(dirname "$0")"
place=$(mkdir -p "${CARGO_TARGET_DIR:-../target}/python" && cd "${CARGO_TARGET_DIR:-../target}/python" && pwd)

# For maturin and the tests.
./environment.sh

rm -rf "$place/wheels"
PATH="$place/tests/bin:$PATH" maturin build --quiet --profile dev --interpreter python3 \
    --out "$place/wheels"

# One for users, with nothing but the wheel and NumPy; and no Rust on the PATH.
rm -rf "$place/user" && python3 -m venv "$place/user"
numpy=$(grep '^numpy==' requirements-test.txt)
"$place/user/bin/pip" install --quiet --disable-pip-version-check "$numpy" "$place"/wheels/*.whl
as_user() (
    cd "$place/user"
    env -i PATH="$place/user/bin:/usr/bin:/bin" HOME="$place/user" "$@"
)
if as_user sh -c 'command -v cargo rustc'; then
    printf 'python/test.sh: there is a Rust in /usr/bin: the wheel is not tested without one\n' >&2
fi
as_user recoup demo --images 20 > "$place/user/demo.txt"
# The first program of the guide.
awk '/^```python$/ { inside = 1; next } /^```$/ && inside { exit } inside' ../docs/python.md \
    > "$place/user/ten_lines.py"
rm -rf "$place/user/array"
as_user python ten_lines.py

"$place/tests/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall \
    "$place"/wheels/*.whl
# Away from the sources: what is imported is the wheel.
sources=$PWD
cd "$place"
tests/bin/pytest -c "$sources/pyproject.toml" --rootdir "$sources" "$sources/tests" \
    --doctest-modules --durations=10 --pyargs recoup
