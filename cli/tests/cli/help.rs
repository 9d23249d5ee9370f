//! The help of every verb, at 100 columns.

use crate::run::stdout;

#[test]
fn help_of_every_verb() {
    let verbs = [
        ("recoup", vec![]),
        ("eval", vec!["eval"]),
        ("explore", vec!["explore"]),
        ("report", vec!["report"]),
        ("reproduce", vec!["reproduce"]),
        ("demo", vec!["demo"]),
        ("quantize", vec!["quantize"]),
        ("inspect", vec!["inspect"]),
        ("multiplier", vec!["multiplier"]),
        ("multiplier-table", vec!["multiplier", "table"]),
        ("multiplier-show", vec!["multiplier", "show"]),
        ("rtl", vec!["rtl"]),
        ("synth", vec!["synth"]),
        ("power", vec!["power"]),
    ];
    for (name, mut args) in verbs {
        args.push("--help");
        insta::assert_snapshot!(name, stdout(&args));
    }
}

#[test]
fn the_version_is_printed() {
    assert_eq!(stdout(&["--version"]), format!("recoup {}\n", env!("CARGO_PKG_VERSION")));
}
