//! The command line's verbs.

use clap::{Parser, Subcommand};

use recoup_core::multiplier::FamilyHelp;

use crate::args::{DemoArgs, EvalArgs, InspectArgs, MachineArgs, MultiplierArgs, QuantizeArgs};
use crate::commands::design::DesignArgs;
use crate::commands::explore::ExploreArgs;
use crate::commands::hardware::HardwareArgs;
use crate::commands::merge::MergeArgs;
use crate::commands::power::PowerArgs;
use crate::commands::report::ReportArgs;
use crate::commands::reproduce::ReproduceArgs;
use crate::commands::rtl::RtlArgs;
use crate::commands::synth::SynthArgs;

/// Runs deep neural networks on approximate multipliers and gets the accuracy back.
#[derive(Parser)]
#[command(name = "recoup", version, about, after_help = "Start with: recoup demo")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Accuracy of a network on approximate multipliers, without and with a control variate
    Eval(Box<EvalArgs>),
    /// The design with the least power under a limit of accuracy loss, and what else there is
    Explore(Box<ExploreArgs>),
    /// A multiplier made for networks: the mask with the least power under a limit of accuracy loss
    Design(Box<DesignArgs>),
    /// One results file of all the parts that `explore --shard` wrote
    Merge(MergeArgs),
    /// One page of what `explore --out` or `reproduce` found: charts, tables, provenance
    Report(ReportArgs),
    /// The paper's evaluation on six networks inside this program, with page and tables
    Reproduce(ReproduceArgs),
    /// `eval` on a network and images inside this program: every family, under a minute
    Demo(DemoArgs),
    /// Calibrate a network's activations and write the scales to a readable file
    Quantize(QuantizeArgs),
    /// The graph as Recoup runs it: nodes, shapes, MACs, what runs on the multipliers
    Inspect(InspectArgs),
    /// Product tables, pictures and error metrics of multipliers
    #[command(after_help = FamilyHelp.to_string())]
    Multiplier(MultiplierArgs),
    /// A systolic array of a multiplier as SystemVerilog, with a testbench from the emulator
    Rtl(Box<RtlArgs>),
    /// Area, cells and clock of an array or a multiplier in a cell library, with yosys
    #[command(
        override_usage = "recoup synth <DIR | --multiplier <SPEC>> --cells <LIB.lib[.gz]>... [OPTIONS]"
    )]
    Synth(SynthArgs),
    /// Energy of an array per MAC and per inference, by unit and layer, on a network's own data
    Power(Box<PowerArgs>),
    /// What arrays cost: area, delay and energy
    Hardware(HardwareArgs),
}

impl Command {
    /// What a command that computes was told about threads and instructions.
    pub fn machine(&self) -> Option<&MachineArgs> {
        match self {
            Self::Eval(args) => Some(&args.machine),
            Self::Explore(args) => Some(&args.machine),
            Self::Design(args) => Some(&args.machine),
            Self::Reproduce(args) => Some(&args.machine),
            Self::Demo(args) => Some(&args.machine),
            Self::Quantize(args) => Some(&args.machine),
            Self::Rtl(args) => Some(&args.machine),
            Self::Power(args) => Some(&args.machine),
            Self::Hardware(args) => args.machine(),
            Self::Merge(_)
            | Self::Report(_)
            | Self::Inspect(_)
            | Self::Multiplier(_)
            | Self::Synth(_) => None,
        }
    }
}
