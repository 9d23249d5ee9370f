#!/usr/bin/env bash
# The compiler of a fuzz build (RUSTC_WRAPPER) that instruments and asserts in this repository's
# packages only: with all of rten it takes an hour, and paths through rten are not what the fuzzer
# shall find.
rustc=$1
shift
case " $* " in
    *' --crate-name recoup_'* | *' --crate-name import '*) exec "$rustc" "$@" ;;
esac
kept=()
for argument in "$@"; do
    case $argument in
        -Cpasses=sancov-module | -Cllvm-args=* | -Cdebug-assertions) ;;
        *) kept+=("$argument") ;;
    esac
done
exec "$rustc" "${kept[@]}"
