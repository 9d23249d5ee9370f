//! `recoup eval`.

mod logits;

use anyhow::{Result, bail};

use recoup::data::Labels;
use recoup::design::{ControlOptions, Mode, Statistics, WeightScheme, with_reference};
use recoup::records::ExactNode;
use recoup::{Design, Details, EvaluateOptions, Multiplier, Session, Space};
use recoup_core::accuracy::Outputs;
use recoup_core::multiplier::Source;
use recoup_explore::measured::MeasuredNetwork;
use recoup_explore::power::{self, LIBRARY, Power, SIZE};

use crate::args::{EvalArgs, ModelArgs};
use crate::library;
use crate::printer::{self, Report};
use crate::progress::Bars;
use crate::session;
use crate::values::recodes;
use logits::{Logits, check_logits};

/// Evaluates what `args` name, always beside the exact 8-bit network.
pub fn run(args: &EvalArgs) -> Result<()> {
    if let Some(path) = &args.save_logits {
        check_logits(path)?;
    }
    let multipliers: Vec<Multiplier> = library::read(&args.multiplier, &args.import.options())?
        .into_iter()
        .map(|imported| imported.multiplier)
        .collect();
    for multiplier in &multipliers {
        multiplier.check_coding(args.coding().coding())?;
    }
    let path = args.calibration.as_deref();
    let labels = if args.no_labels { Labels::Dropped } else { Labels::IfAny };
    let ModelArgs { model, data } = &args.model;
    let mut session =
        session::open(model, data, path, labels, recodes(args.weights), &args.machine)?;
    if args.save_logits.is_some() && session.graph.scores().is_none() {
        bail!(
            "--save-logits writes class scores, but none of the model's outputs is one score per \
             class, [1, classes]; leave it out"
        );
    }
    warn_of_exact_nodes(&session);
    warn_of_class_order(&session);
    let designs = with_reference(&space(args, multipliers).designs());
    warn_of_pooled_codes(args, &session, &designs);
    let details = Details { layers: args.layers, profile: args.profile };
    let options = EvaluateOptions { weights: args.coding(), details, batch: args.batch };
    let power = power(args, &session, &designs)?;
    let classes = session.graph.scores().map_or(0..0, |(_, classes)| classes);
    let size = [designs.len(), session.indices.len()];
    let path = args.save_logits.as_deref();
    let mut logits = path.map(|path| Logits::new(path, size, classes)).transpose()?;
    let outputs = logits.as_mut().map(|logits| logits as &mut dyn Outputs);
    let results = session.evaluate_saving(&designs, options, outputs, &Bars::default())?;
    if let Some(logits) = logits {
        logits.draft.finish()?;
    }
    let mut report = Report::new(results, &power);
    if args.multiplier.iter().any(|source| matches!(source, Source::Library(_))) {
        report.best_first();
    }
    if args.json { printer::json(&report) } else { printer::text(&report) }
}

/// The arrays, as the table has them or as they were measured on the network.
fn power(args: &EvalArgs, session: &Session, designs: &[Design]) -> Result<Power> {
    let model = args.model.model.display().to_string();
    let network = MeasuredNetwork { model: &model, graph: &session.graph };
    let arrays = (power::shipped_costs(), LIBRARY, [SIZE; 2]);
    let powers = args.arrays.powers(arrays, args.coding(), &[network], designs)?;
    Ok(powers.into_iter().next().expect("one network"))
}

/// Every multiplier in every way.
fn space(args: &EvalArgs, multipliers: Vec<Multiplier>) -> Space {
    fn or<T: Clone>(given: &[T], default: Vec<T>) -> Vec<T> {
        if given.is_empty() { default } else { given.to_vec() }
    }
    let default = Space::default();
    let quantizations: Vec<_> = args.quantization.iter().copied().map(Some).collect();
    let options = default.control_options;
    Space {
        multipliers: or(&multipliers, default.multipliers),
        control_variates: or(&args.control_variate, default.control_variates),
        control_options: ControlOptions {
            c_frac: args.c_frac.unwrap_or(options.c_frac),
            terms: args.control_variate_terms.map_or(options.terms, usize::from),
            x_bits: args.control_variate_bits.unwrap_or(options.x_bits),
            statistics: args.statistics.unwrap_or(options.statistics),
            attention: args.attention_constants.unwrap_or(options.attention),
            loading: args.loaded_operand.unwrap_or(options.loading),
        },
        activation_bits: or(&args.activation_bits, default.activation_bits),
        weight_bits: or(&args.weight_bits, default.weight_bits),
        quantizations: or(&quantizations, default.quantizations),
        exact_ends: args.arrays.exact_ends(),
        weights: default.weights,
        weight_codes: or(&args.weight_codes, default.weight_codes),
    }
}

/// Says that V by channel is not to be had from an older calibration.
fn warn_of_pooled_codes(args: &EvalArgs, session: &Session, designs: &[Design]) {
    let by_channel = |design: &Design| {
        design.control_options.statistics == Statistics::Channel
            && !design.multiplier.is_exact()
            && !matches!(design.control_variate, Mode::None | Mode::Paper)
    };
    let (Some(path), Some(given)) = (&args.calibration, session.given_calibration()) else {
        return;
    };
    let used = args.coding() != WeightScheme::U8Tensor && designs.iter().any(by_channel);
    if used && given.is_pooled() {
        eprintln!(
            "note: {}: counts codes by layer, not by channel, so that V in 8-bit codes is for those \
             of layers; for those of channels, make a new calibration with recoup quantize",
            path.display()
        );
    }
}

/// Says in which order class folders were taken, where another is as likely.
pub fn warn_of_class_order(session: &Session) {
    if let Some(note) = session.dataset.class_order_note() {
        eprintln!("note: {}: {note}; --classes FILE gives another order", session.dataset.name());
    }
}

pub fn warn_of_exact_nodes(session: &Session) {
    for ExactNode { node, operator, reason } in session.exact_nodes() {
        eprintln!("note: node \"{node}\" ({operator}) runs exactly, in float32: {reason}");
    }
}
