//! Writes the model that an input of the fuzzer stands for, to look at it and to make a test of it.

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: write_model INPUT MODEL.onnx");
        std::process::exit(2);
    };
    std::fs::write(output, recoup_model_fuzz::file(&std::fs::read(input)?))
}
