use super::{Function, Group, parse};

const TEXT: &str = "/* c */ library (\"l\", x) {
  time_unit : \"1ns\"; // c
  capacitive_load_unit (1, pf);
  vih : 0.7 * VDD + (1) /* c */ ;
  area : 2.5
  t (a) { index_1 (\"0.1, \\
    0.2\"); values ( \\
    \"1, 2\", \\
    \"3, 4\" ); }
  cell(INV) {pin(Y){function:\"A'\"}}
};
";

fn names<'a>(groups: impl Iterator<Item = &'a Group<'a>>) -> Vec<&'a str> {
    groups.map(Group::name).collect()
}

#[test]
fn groups_and_attributes_keep_their_values_and_places() {
    let library = parse(TEXT).unwrap();
    assert_eq!((library.kind, &library.names[..]), ("library", &["l", "x"][..]));
    assert_eq!(library.value("time_unit"), Some("1ns"));
    assert_eq!(library.attribute("capacitive_load_unit").unwrap().values, ["1", "pf"]);
    assert_eq!(library.value("vih"), Some("0.7 * VDD + (1)"));
    assert_eq!(library.value("area"), Some("2.5"));
    assert_eq!(library.value("none"), None);
    assert_eq!(names(library.groups("cell")), ["INV"]);
    let table = &library.groups[0];
    assert_eq!(table.attribute("values").unwrap().values, ["1, 2", "3, 4"]);
    assert_eq!(table.value("index_1"), Some("0.1, \\\n    0.2"));
    let pin = &library.groups[1].groups[0];
    assert_eq!((pin.name(), pin.value("function")), ("Y", Some("A'")));
    assert!(TEXT[pin.offset..].starts_with("pin(Y)"));
}

#[test]
fn an_error_says_where() {
    let cases = [
        ("library (l) {\n  cell (c) {", "line 2, column 13: found the end of the file"),
        ("library (l) {\n\n a : ; }", "line 3, column 6: found `:`"),
        ("library (l) { a (1 ", "expected `)` that closes it"),
        (
            "library (l) {\n include_file (\"x.lib\");\n}",
            "line 2, column 2: found include_file, expected the text",
        ),
        ("include_file (\"x.lib\"); library (l) { }", "found include_file"),
        ("library (l) { } x", "expected the end after the library"),
        ("area : 3;", "found the attribute area"),
        ("\u{1f}ELF", r"found the word \u{1f}ELF, expected `:` or `(` after it"),
    ];
    for (text, expected) in cases {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
    }
}

/// What libraries in use write, whether the standard has it or not.
#[test]
fn values_in_other_spellings() {
    let cases = [
        ("f : A * !B;", "A * !B"),
        ("f : (A + B)';", "(A + B)'"),
        ("f : \"A\" + \"B\";", "\"A\" + \"B\""),
        ("f : 0.7 * \\\n VDD;", "0.7 * \\\n VDD"),
        ("f : 0.7 *\n VDD; // c\n", "0.7 *\n VDD"),
        ("f : 1.5 // * 2\n", "1.5"),
        ("f : 2 * // c\n 3;", "2 * // c\n 3"),
        ("f : A ? B : C;", "A ? B : C"),
        ("f : A == 1'b1 && B == 1'b0;", "A == 1'b1 && B == 1'b0"),
        ("f : \"a \\\"b\\\" c\";", "a \\\"b\\\" c"),
        ("f : \"x\" /* c */ ;", "x"),
        (";; f : 1;;", "1"),
    ];
    for (text, expected) in cases {
        let text = format!("\u{feff}library (l) {{ {text} area : 3;; cell (c) ; {{ ; }}; }};");
        let library = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(library.kind, "library");
        assert_eq!(library.value("f"), Some(expected), "{text}");
        assert_eq!(library.value("area"), Some("3"), "{text}");
        assert_eq!(names(library.groups("cell")), ["c"], "{text}");
    }
    let library = parse("library (l) { vil ((VDD + 0.1) * (2)); area : 3; }").unwrap();
    assert_eq!(library.attribute("vil").unwrap().values, ["VDD", "+", "0.1", "*", "2"]);
    assert_eq!(library.value("area"), Some("3"));
    let function = Function::parse("A * \\\n  B").unwrap();
    assert_eq!(function, Function::parse("A*B").unwrap());
}
