//! `recoup demo`: the files that it writes. Its table is tested where it is made.

use tempfile::TempDir;

use crate::run::{FASHION_MODEL, assert_refused, stdout, workspace};

#[test]
fn files_are_written_once_and_those_of_others_kept() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("try");
    let args = ["demo", "--files", target.to_str().unwrap()];
    let printed = stdout(&args);
    assert!(printed.contains("resnet8.onnx, images.gz, labels.gz, calibration.gz"), "{printed}");
    let bytes = |name: &str| std::fs::read(target.join(name)).unwrap();
    let embedded = std::fs::read(workspace().join(FASHION_MODEL)).unwrap();
    assert_eq!(bytes("resnet8.onnx"), embedded);
    assert_eq!(stdout(&args), printed);

    std::fs::write(target.join("images.gz"), b"own").unwrap();
    assert_refused(folder.path(), &args, &["try: is not empty", "--force"]);
    let forced = [&args[..], &["--force"]].concat();
    assert_eq!(stdout(&forced), printed);
    assert!(bytes("images.gz").len() > 100_000);
}
