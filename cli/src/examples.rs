//! The examples that the help of every verb begins with. A test runs them as they are written.

use clap::{Command, CommandFactory};

use crate::verbs::Cli;

/// Examples come between what a verb does and what it takes.
const TEMPLATE: &str =
    "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

/// For each verb commands for a shell, which end by themselves within seconds.
const EXAMPLES: [(&str, &str); 20] = [
    (
        "recoup",
        "recoup demo --images 200
recoup multiplier show truncated:7",
    ),
    (
        "recoup eval",
        r"recoup demo --files try
recoup eval try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 200 --multiplier truncated:7
recoup eval try/resnet8.onnx --data idx:try/images.gz --images 200 \
    --preprocess fashion-mnist --multiplier perforated:2 recursive:4",
    ),
    (
        "recoup explore",
        r"recoup demo --files try
recoup explore try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 200 --max-loss 5 \
    --multiplier truncated:7 truncated:8 --out run.db
recoup explore try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 200 --max-loss 5 \
    --multiplier perforated:2 recursive:4 --csv designs.csv",
    ),
    (
        "recoup design",
        r"recoup demo --files try
recoup design try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 100 --calibration-images 32 \
    --max-loss 30 --masks 400 --finalists 1 --time-limit 4 --out run.db
# goes on from there
recoup design try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 100 --calibration-images 32 \
    --max-loss 30 --masks 400 --finalists 1 --time-limit 4 --out run.db --json",
    ),
    (
        "recoup merge",
        r"recoup demo --files try
recoup explore try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 100 --max-loss 5 \
    --multiplier truncated:7 truncated:8 --shard 1/2 --out part-1.db
recoup explore try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 100 --max-loss 5 \
    --multiplier truncated:7 truncated:8 --shard 2/2 --out part-2.db
recoup merge part-1.db part-2.db --out merged.db
recoup merge part-2.db part-1.db --out merged.db --force
# the answer: nothing is evaluated again
recoup explore try/resnet8.onnx --data idx:try/images.gz,try/labels.gz \
    --preprocess fashion-mnist --images 100 --max-loss 5 \
    --multiplier truncated:7 truncated:8 --out merged.db",
    ),
    (
        "recoup report",
        r"recoup reproduce --network resnet8 --quantization plain --images 100 \
    --confirm-images 0
recoup report reproduction/run.db --out report.html
recoup report reproduction/run.db --out strict.html --max-loss 0.5",
    ),
    (
        "recoup reproduce",
        r"recoup reproduce --network resnet8 --quantization plain --images 100 \
    --confirm-images 0
recoup reproduce --network resnet8 --quantization plain --images 100 \
    --confirm-images 0 --max-loss 0.5",
    ),
    (
        "recoup demo",
        "recoup demo --images 200
recoup demo --network mobilenetv2 --images 20
recoup demo --files try",
    ),
    (
        "recoup quantize",
        r"recoup demo --files try
recoup quantize try/resnet8.onnx --data idx:try/images.gz \
    --preprocess fashion-mnist
recoup quantize try/resnet8.onnx --data idx:try/images.gz \
    --preprocess fashion-mnist --calibration-method min-max --out min-max.json
recoup quantize try/resnet8.onnx --data idx:try/images.gz \
    --preprocess fashion-mnist --calibration-images 16 \
    --for truncated:9 --out codes.onnx",
    ),
    (
        "recoup inspect",
        "recoup demo --files try
recoup inspect try/resnet8.onnx
recoup inspect try/resnet8.onnx --json",
    ),
    (
        "recoup multiplier",
        "recoup multiplier show truncated:7
recoup multiplier convert truncated:7 --out truncated7.v",
    ),
    (
        "recoup multiplier table",
        "recoup multiplier table truncated:7 --out truncated7.npy
recoup multiplier table perforated:2 --weights i8-channel --out signed.bin",
    ),
    (
        "recoup multiplier convert",
        "recoup multiplier convert truncated:7 --out truncated7.v
recoup multiplier convert truncated7.v --out truncated7.csv",
    ),
    (
        "recoup multiplier show",
        "recoup multiplier show truncated:7 --heat-map error.svg
recoup multiplier show perforated:2 truncated:6 recursive:4",
    ),
    (
        "recoup rtl",
        "recoup rtl --array 4x4 --multiplier truncated:7 --out array
recoup rtl --array 8x8 --multiplier perforated:2 --pipeline --out pipelined",
    ),
    (
        "recoup synth",
        r"# cells and tools of Debian: apt install qflow-tech-osu018 yosys
recoup synth --multiplier truncated:7 \
    --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib
# these cells have no clock gate
recoup rtl --array 2x2 --multiplier truncated:7 --clock-gating none \
    --out small
recoup synth small --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib",
    ),
    (
        "recoup power",
        r"# cells and tools of Debian: apt install qflow-tech-osu018 yosys
recoup power --multiplier exact truncated:8 --array 2x2 --standard-error 20 \
    --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib
recoup power --multiplier exact perforated:2 --array 2x2 --standard-error 20 \
    --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib --stimuli uniform",
    ),
    (
        "recoup hardware",
        "recoup hardware list
recoup hardware list --library asap7 --size 16",
    ),
    (
        "recoup hardware list",
        "recoup hardware list
recoup hardware list --library asap7 --size 16",
    ),
    (
        "recoup hardware measure",
        r"# cells and tools of Debian: apt install qflow-tech-osu018 yosys
recoup hardware measure --library osu018 --out costs.json --clock-ps 20000 \
    --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib \
    --multiplier truncated:8 --size 2 --error 30
recoup hardware measure --library osu018 --out costs.json --clock-ps 20000 \
    --cells /usr/share/qflow/tech/osu018/osu018_stdcells.lib \
    --multiplier perforated:2 --size 2 --error 30 --force",
    ),
];

/// The command line with its examples.
pub fn command() -> Command {
    with_examples(Cli::command(), "recoup")
}

fn with_examples(verb: Command, path: &str) -> Command {
    let found = EXAMPLES.iter().find(|(known, _)| *known == path);
    let examples = found.map_or(String::new(), |(_, lines)| {
        lines.lines().map(|line| format!("\n  {line}")).collect()
    });
    verb.help_template(TEMPLATE).before_help(format!("Examples:{examples}")).mut_subcommands(
        |verb| {
            let path = format!("{path} {}", verb.get_name());
            with_examples(verb, &path)
        },
    )
}
