//! What is said first is said the same everywhere, and is what was measured.

const HEADLINE: &str = "68.6 % less array power at a mean loss of 0.22 points";

/// A file of the repository in one line.
fn text(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_headline_is_the_same_everywhere() {
    for name in ["README.md", "CHANGELOG.md", "Cargo.toml", "docs/reproduction.md"] {
        let text = text(name);
        let claims = text.matches("less array power").count();
        assert!(claims > 0, "{name}: no headline");
        assert_eq!(text.matches(HEADLINE).count(), claims, "{name}");
    }
}

#[test]
fn the_answer_in_the_readme_is_in_the_tables_of_the_reproduction() {
    let reproduction = text("docs/reproduction.md");
    let readme = text("README.md");
    let (_, table) =
        readme.split_once("| mean loss in points [95 %] | |---|---|---|---| ").unwrap();
    let (table, _) = table.split_once(" The loss is").unwrap();
    let mut rows = 0;
    for row in table.split(" | | ") {
        let cells: Vec<&str> = row.split('|').map(str::trim).filter(|it| !it.is_empty()).collect();
        let [_, _, saved, loss] = cells[..] else { panic!("{row}") };
        assert!(reproduction.contains(&format!(", {loss} | {saved} |")), "{row}");
        rows += 1;
    }
    assert_eq!(rows, 6);
    assert!(table.contains("| 68.6 % | 0.22 "));
}
