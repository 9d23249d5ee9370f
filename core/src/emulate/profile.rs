//! Where the time of a network goes, step by step.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::model::{Graph, NodeKind, SampleError};
use crate::quantize::Quantized;

use super::network::Network;
use super::plan::{FloatWork, Step};
use super::workspace::{Workspace, outputs};

/// What a step runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunsOn {
    /// The emulated multipliers.
    Multipliers,
    /// Codes, without multipliers.
    Codes,
    /// Real numbers.
    Floats,
}

impl RunsOn {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multipliers => "multipliers",
            Self::Codes => "codes",
            Self::Floats => "float",
        }
    }
}

/// Time that one step took for some images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct StepTime {
    all: Duration,
    /// What codes that become real numbers, and the way back, took of it.
    conversion: Duration,
}

/// Time that each step of a network took for some images, in the threads that ran it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    images: usize,
    input: Duration,
    steps: Vec<StepTime>,
    output: Duration,
}

impl Times {
    /// Adds those of other images. Whoever has seen none may not know yet how many steps there are.
    pub fn merge(&mut self, other: &Self) {
        self.images += other.images;
        self.input += other.input;
        self.output += other.output;
        self.steps.resize(self.steps.len().max(other.steps.len()), StepTime::default());
        for (own, other) in self.steps.iter_mut().zip(&other.steps) {
            own.all += other.all;
            own.conversion += other.conversion;
        }
    }
}

/// A step of a network: nodes that run together, or what comes before or after all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProfile {
    /// The names of its nodes, or of the inputs or outputs.
    pub nodes: Vec<String>,
    /// The operators of all its nodes: `Conv+Add+Relu`.
    pub operator: String,
    /// The same, but for a layer on the multipliers the one that multiplies: `depthwise Conv 3x3`.
    pub kind: String,
    /// What it runs on.
    pub runs_on: RunsOn,
    /// Multiply-accumulates per image on the multipliers; none elsewhere.
    pub macs: Option<u64>,
    /// Time of all images.
    pub time: Duration,
    /// What codes that become real numbers, and the way back, took of it.
    pub conversion: Duration,
}

/// Where the time of a network went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// How many images it ran on.
    pub images: usize,
    /// In the order in which they run, from the input's way to codes to the outputs' way out.
    pub steps: Vec<StepProfile>,
}

/// Steps of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindProfile {
    /// As in [`StepProfile::kind`].
    pub kind: String,
    /// What they run on.
    pub runs_on: RunsOn,
    /// How many there are.
    pub steps: usize,
    /// Multiply-accumulates per image on the multipliers; none elsewhere.
    pub macs: Option<u64>,
    /// Time of all images, without conversions.
    pub time: Duration,
}

impl Profile {
    /// Time of all steps and images.
    pub fn time(&self) -> Duration {
        self.steps.iter().map(|step| step.time).sum()
    }

    /// What codes that become real numbers, and the way back, took of it between the layers.
    pub fn conversion(&self) -> Duration {
        self.steps.iter().map(|step| step.conversion).sum()
    }

    /// The steps by kind, first what took longest. With the conversions they are all of the time.
    pub fn kinds(&self) -> Vec<KindProfile> {
        let mut kinds: Vec<KindProfile> = Vec::new();
        for step in &self.steps {
            let time = step.time.saturating_sub(step.conversion);
            let same = |it: &&mut KindProfile| it.kind == step.kind && it.runs_on == step.runs_on;
            match kinds.iter_mut().find(same) {
                Some(kind) => {
                    kind.steps += 1;
                    kind.macs = kind.macs.zip(step.macs).map(|(all, more)| all + more);
                    kind.time += time;
                }
                None => {
                    let (kind, runs_on, macs) = (step.kind.clone(), step.runs_on, step.macs);
                    kinds.push(KindProfile { kind, runs_on, steps: 1, macs, time });
                }
            }
        }
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.time));
        kinds
    }
}

/// What codes that become real numbers take of a step, where somebody wants to know: else no clock
/// is read.
#[derive(Default)]
pub(super) struct Stopwatch(Option<Duration>);

impl Stopwatch {
    /// Does a conversion.
    pub fn time<T>(&mut self, convert: impl FnOnce() -> T) -> T {
        let Some(total) = &mut self.0 else { return convert() };
        let start = Instant::now();
        let made = convert();
        *total += start.elapsed();
        made
    }

    fn start(&mut self) {
        self.0 = Some(Duration::ZERO);
    }

    fn stop(&mut self) -> Duration {
        self.0.take().unwrap_or_default()
    }
}

impl Network {
    /// As [`Network::run_many`], and adds to `times` what the steps take.
    ///
    /// # Errors
    /// When an image has not the inputs' size, or an operator in float does not take its values.
    pub fn run_timed(
        &self,
        images: &[&[f32]],
        workspaces: &mut Vec<Workspace>,
        times: &mut Times,
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let steps = self.prepared.plan.steps.len();
        let mut own = Times { images: images.len(), ..Times::default() };
        let mut start = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now - std::mem::replace(&mut start, now)
        };
        let workspaces = self.load(images, workspaces)?;
        own.input = lap();
        for step in 0..steps {
            workspaces.iter_mut().for_each(|workspace| workspace.stopwatch.start());
            self.run_steps(step..step + 1, workspaces)?;
            let conversions = workspaces.iter_mut().map(|workspace| workspace.stopwatch.stop());
            let conversion = conversions.sum();
            own.steps.push(StepTime { all: lap(), conversion });
        }
        let outputs = outputs(&self.prepared, workspaces);
        own.output = lap();
        times.merge(&own);
        Ok(outputs)
    }

    /// What `times` say of each of its steps.
    pub fn profile(&self, times: &Times) -> Profile {
        let (plan, network) = (&self.prepared.plan, &self.prepared.quantized);
        let graph = &network.graph;
        let end = |names: &[String], what: &str, time: Duration| StepProfile {
            nodes: names.to_vec(),
            operator: what.into(),
            kind: what.into(),
            runs_on: RunsOn::Floats,
            macs: None,
            time,
            conversion: Duration::ZERO,
        };
        let step = |(step, time): (&Step, StepTime)| StepProfile {
            nodes: step.nodes.iter().map(|&node| graph.nodes[node].name.clone()).collect(),
            operator: operator(graph, step),
            kind: kind(graph, step),
            runs_on: runs_on(network, step),
            macs: mac_count(graph, step),
            time: time.all,
            conversion: time.conversion,
        };
        let times_of_steps =
            times.steps.iter().copied().chain(std::iter::repeat(StepTime::default()));
        let mut steps = vec![end(graph.input_names(), "(input)", times.input)];
        steps.extend(plan.steps.iter().zip(times_of_steps).map(step));
        steps.push(end(graph.output_names(), "(output)", times.output));
        Profile { images: times.images, steps }
    }
}

/// The operators of its nodes, each once.
fn operator(graph: &Graph, step: &Step) -> String {
    let mut operators: Vec<&str> = Vec::new();
    for operator in step.nodes.iter().flat_map(|&node| graph.nodes[node].operator.split('+')) {
        if !operators.contains(&operator) {
            operators.push(operator);
        }
    }
    operators.join("+")
}

/// The operator that multiplies, or all that run together.
fn kind(graph: &Graph, step: &Step) -> String {
    let node = &graph.nodes[step.node];
    let NodeKind::Mac(mac) = &node.kind else { return operator(graph, step) };
    let (shape, name) = (&mac.shape, node.operator.split('+').next().unwrap_or_default());
    if name != "Conv" {
        return name.into();
    }
    let groups = match shape.groups {
        1 => "",
        groups if groups == shape.channels => "depthwise ",
        _ => "grouped ",
    };
    format!("{groups}{name} {}x{}", shape.kernel_height, shape.kernel_width)
}

fn runs_on(network: &Quantized, step: &Step) -> RunsOn {
    let reads_codes = step.inputs.iter().all(|&input| network.activations[input].is_some());
    let on_codes = step.function.is_some()
        || matches!(step.float, Some(FloatWork::Average(_)))
        || step.pairing.is_some()
        || matches!(
            network.graph.nodes[step.node].kind,
            NodeKind::Movement(_)
                | NodeKind::MaxPool(_)
                | NodeKind::GlobalAveragePool
                | NodeKind::Recode
        );
    match step {
        Step { mac: Some(_), .. } => RunsOn::Multipliers,
        Step { float: None | Some(FloatWork::Average(_)), .. } if on_codes && reads_codes => {
            RunsOn::Codes
        }
        _ => RunsOn::Floats,
    }
}

fn mac_count(graph: &Graph, step: &Step) -> Option<u64> {
    match &graph.nodes[step.node].kind {
        NodeKind::Mac(mac) => Some(mac.mac_count()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn step(kind: &str, runs_on: RunsOn, macs: Option<u64>, time: [u64; 2]) -> StepProfile {
        let (nodes, operator, kind) = (vec![String::new()], String::new(), kind.into());
        let [time, conversion] = time.map(ms);
        StepProfile { nodes, operator, kind, runs_on, macs, time, conversion }
    }

    #[test]
    fn kinds_by_hand() {
        let steps = vec![
            step("(input)", RunsOn::Floats, None, [1, 0]),
            step("Conv 3x3", RunsOn::Multipliers, Some(100), [5, 0]),
            step("Add", RunsOn::Codes, None, [2, 0]),
            step("Conv 3x3", RunsOn::Multipliers, Some(20), [4, 0]),
            step("Softmax", RunsOn::Floats, None, [20, 9]),
            step("Add", RunsOn::Floats, None, [4, 1]),
        ];
        let profile = Profile { images: 3, steps };
        assert_eq!((profile.time(), profile.conversion()), (ms(36), ms(10)));
        let kinds = profile.kinds();
        let found: Vec<_> =
            kinds.iter().map(|it| (&*it.kind, it.runs_on, it.steps, it.macs, it.time)).collect();
        let expected = [
            ("Softmax", RunsOn::Floats, 1, None, ms(11)),
            ("Conv 3x3", RunsOn::Multipliers, 2, Some(120), ms(9)),
            ("Add", RunsOn::Floats, 1, None, ms(3)),
            ("Add", RunsOn::Codes, 1, None, ms(2)),
            ("(input)", RunsOn::Floats, 1, None, ms(1)),
        ];
        assert_eq!(found, expected);
        let of_kinds: Duration = kinds.iter().map(|kind| kind.time).sum();
        assert_eq!(of_kinds + profile.conversion(), profile.time());
    }

    #[test]
    fn times_add_up() {
        let steps = vec![StepTime { all: ms(4), conversion: ms(1) }, StepTime::default()];
        let times = Times { images: 2, input: ms(1), steps, output: ms(3) };
        let mut all = Times::default();
        all.merge(&times);
        assert_eq!(all, times);
        all.merge(&times);
        let steps = vec![StepTime { all: ms(8), conversion: ms(2) }, StepTime::default()];
        assert_eq!(all, Times { images: 4, input: ms(2), steps, output: ms(6) });
    }
}
