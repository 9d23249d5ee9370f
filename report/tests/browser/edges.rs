//! Results at the edges: nothing under the limit, no power, one network, no loss, many designs.

use recoup_report::data::{
    Answer, Choice, Histogram, Kind, LayerQuality, Network, Provenance, Report, Results, Verdict,
};

use crate::driver::{Page, fashion};

const DOTS: &str = "#chart-tradeoff svg :not(g)[aria-label]";

/// The example's first network alone.
fn one_network() -> Report {
    let mut report = fashion();
    report.networks.truncate(1);
    report.mean = None;
    report
}

fn results(report: &mut Report) -> &mut Results {
    &mut report.networks[0].results
}

#[test]
fn one_network_needs_no_mean() {
    let report = one_network();
    let page = Page::open(&report);
    assert!(page.text("#overview").contains(&report.networks[0].name));
    assert_eq!(page.count("#chart-networks"), 0);
    assert_eq!(page.count(DOTS), report.networks[0].results.designs.len());
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn with_nothing_under_the_limit_the_nearest_is_named() {
    let mut report = one_network();
    let results = results(&mut report);
    results.choice = Choice { nearest: Some(6), front: vec![0], ..Choice::default() };
    let headline = "No design is under 0.5 points of loss; the nearest:".to_owned();
    let remarks = vec!["Undecided: <b>one</b>.".to_owned(), "And another.".to_owned()];
    results.answer = Answer { headline, remarks };
    for design in &mut results.designs {
        design.assessment.as_mut().expect("evaluated").verdict = Verdict::Over;
    }
    let nearest = results.designs[6].name.clone();
    let page = Page::open(&report);
    let overview = page.text("#overview");
    assert!(overview.contains("No design is under 0.5 points"), "{overview}");
    assert!(overview.contains(&nearest), "{overview}");
    assert!(overview.contains("Undecided: <b>one</b>."), "{overview}");
    assert!(overview.contains("And another."), "{overview}");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn unknown_power_is_said() {
    let mut report = one_network();
    report.provenance.costs = None;
    let results = results(&mut report);
    results.choice = Choice { unknown_power: vec![6], ..Choice::default() };
    let headline = "None of those under 0.5 points has a known power: some.".to_owned();
    results.answer = Answer { headline, remarks: Vec::new() };
    results.designs.iter_mut().for_each(|design| design.relative_power = None);
    let page = Page::open(&report);
    assert!(page.text("#overview").contains("has a known power: some."));
    assert_eq!(page.count("#overview .answer"), 0);
    assert!(page.text("#chart-tradeoff").contains("No design of known power"));
    assert!(page.text("#tradeoff-note").contains("in the table only"));
    assert!(page.text("#provenance").contains("No cost table"));
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn losses_of_nothing_and_gains_have_a_mark_on_the_logarithm() {
    let mut report = one_network();
    for (index, design) in results(&mut report).designs.iter_mut().enumerate() {
        let found = design.assessment.as_mut().expect("evaluated");
        (found.loss, found.interval) = match index % 3 {
            0 => (0.0, [0.0, 0.0]),
            1 => (-0.75, [-1.5, -0.25]),
            _ => (0.004, [-0.2, 0.3]),
        };
    }
    let page = Page::open(&report);
    let bars = "#chart-loss svg :not(g)[aria-label]";
    assert_eq!(page.count(bars), report.networks[0].results.designs.len() - 1);
    assert!(
        !page.value::<String>("document.getElementById('chart-loss').innerHTML").contains("NaN")
    );
    assert_eq!(page.problems(), [""; 0]);
}

/// A multiplier that was measured alone and with V is one column and one histogram.
#[test]
fn a_multiplier_is_shown_once_for_both_sides() {
    let mut report = one_network();
    let designs = &report.networks[0].results.designs;
    let corrected = report.networks[0].histograms[0].design;
    let alone = designs.iter().position(|design| {
        design.multiplier == designs[corrected].multiplier && design.kind == Kind::WithoutV
    });
    let alone = alone.expect("the same multiplier without V");
    let network = &mut report.networks[0];
    let mut layers = network.layers.clone();
    layers.retain(|layer| layer.design == corrected);
    let copies =
        layers.into_iter().map(|layer| LayerQuality { design: alone, with_v: None, ..layer });
    let (before, histograms) = (network.layers.len(), network.histograms.len());
    network.layers.extend(copies);
    let copy = Histogram { design: alone, after: Vec::new(), ..network.histograms[0].clone() };
    network.histograms.push(copy);
    let page = Page::open(&report);
    assert_eq!(page.count("#chart-layers svg :not(g)[aria-label]"), 2 * before);
    assert_eq!(page.count("#chart-errors .panel"), histograms);
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn two_hundred_designs_fit() {
    let mut report = one_network();
    let results = results(&mut report);
    let some = results.designs.clone();
    for copy in 0.. {
        let missing = 200 - results.designs.len();
        let more = some.iter().skip(1).take(missing).cloned().map(|mut design| {
            design.variant = format!("variant {copy}");
            design.name += &format!(", variant {copy}");
            design.relative_power =
                design.relative_power.map(|power| power - 0.001 * f64::from(copy));
            design
        });
        results.designs.extend(more);
        if results.designs.len() == 200 {
            break;
        }
    }
    let page = Page::open(&report);
    assert_eq!(page.count(DOTS), 200);
    assert_eq!(page.text("#designs-count"), "200 of 200 designs.");
    page.filter("variant", "=variant 0");
    assert_eq!(page.count(DOTS), some.len() - 1);
    page.filter("variant", "=");
    assert_eq!(page.count(DOTS), some.len());
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn a_report_of_nothing_is_a_page() {
    let headline = "No design was evaluated.".to_owned();
    let network = Network {
        name: "empty".to_owned(),
        data: String::new(),
        preprocess: String::new(),
        images: 0,
        beside: false,
        results: Results { answer: Answer { headline, remarks: Vec::new() }, ..Results::default() },
        layers: Vec::new(),
        histograms: Vec::new(),
    };
    let provenance = Provenance { version: "0.1.0".to_owned(), ..Provenance::default() };
    let report = Report { networks: vec![network], provenance, ..Report::default() };
    let page = Page::open(&report);
    assert!(page.text("#overview").contains("empty: No design was evaluated."));
    assert_eq!(page.problems(), [""; 0]);
    let none = Page::open(&Report::default());
    assert!(none.text("#overview").contains("no networks"));
    assert_eq!(none.problems(), [""; 0]);
}
