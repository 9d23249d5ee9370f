use std::fs;

use super::*;

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn sorted(names: &[&str]) -> (Vec<String>, Option<String>) {
    let mut names = strings(names);
    let note = sort(&mut names);
    (names, note)
}

#[test]
fn numbers_are_ordered_by_value_and_it_is_said() {
    let (names, note) = sorted(&["10", "2", "0", "1"]);
    assert_eq!(names, ["0", "1", "2", "10"]);
    let note = note.unwrap();
    for part in ["by value: 0, 1, 2, 10;", "by name: 0, 1, 10, 2"] {
        assert!(note.contains(part), "{note}");
    }
    let (names, _) = sorted(&["340282366920938463463374607431768211457", "9", "010", "11"]);
    assert_eq!(names, ["9", "010", "11", "340282366920938463463374607431768211457"]);
    let (names, _) = sorted(&["1", "01", "001", "0"]);
    assert_eq!(names, ["0", "001", "01", "1"]);
}

#[test]
fn an_order_without_doubt_is_not_remarked_on() {
    for names in [&["0", "1", "2"][..], &["00", "01", "10"], &["cat", "dog"], &["n015", "n016"]] {
        let (found, note) = sorted(names);
        assert_eq!((found, note), (strings(names), None));
    }
}

#[test]
fn other_names_are_ordered_byte_by_byte_and_doubt_is_said() {
    for (names, expected) in [
        (["a", "10", "2", "1"], ["1", "10", "2", "a"]),
        (
            ["class_2", "class_10", "class_1", "class_0"],
            ["class_0", "class_1", "class_10", "class_2"],
        ),
    ] {
        let (found, note) = sorted(&names);
        assert_eq!(found, expected);
        let note = note.unwrap();
        assert!(note.contains(&expected.join(", ")), "{note}");
    }
    let (_, note) = sorted(&["1", "\u{1b}[2J"]);
    assert!(note.unwrap().contains("\\u{1b}[2J, 1"));
    let many: Vec<String> = (0..30).map(|number| format!("c{number}")).collect();
    let note = sort(&mut many.clone()).unwrap();
    assert!(note.contains("c19, ...") && !note.contains("c2,"), "{note}");
}

fn read_text_of(text: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("classes.txt");
    fs::write(&file, text).unwrap();
    read(&file, Path::new("images"), &strings(&["a", "b", "c d"])).map_err(|e| e.to_string())
}

#[test]
fn a_file_gives_the_order() {
    for text in ["b\nc d\na", "b\nc d\na\n", "\u{feff}b\r\nc d\r\na\r\n\r\n"] {
        assert_eq!(read_text_of(text).unwrap(), ["b", "c d", "a"], "{text:?}");
    }
}

#[test]
fn every_error_of_the_file_is_named_with_its_line() {
    let cases: [(&[u8], &[&str]); 7] = [
        (
            b"b\nx\x1b\na",
            &["line 2 of", "classes.txt", "\"x\\u{1b}\"", "no class folder of images"],
        ),
        (b"b\n\na\nc d", &["line 2 of", "\"\" is no class folder"]),
        (b"b\na\nb\nc d", &["line 3 of", "\"b\" is in line 1 already"]),
        (b"b", &["ends after line 1", "\"a\"", "2 missing"]),
        (b"", &["ends after line 0", "\"a\"", "3 missing"]),
        (b"a\nb\nC d", &["line 3 of", "\"C d\""]),
        (b"a\n\xff", &["no UTF-8 text"]),
    ];
    for (text, parts) in cases {
        let message = read_text_of(text).unwrap_err();
        for part in parts {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
    }
}
