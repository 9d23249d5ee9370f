//! The answer, for the first screen.

use maud::{Markup, html};

use crate::bar::bar;
use crate::choice::{Outcome, outcome, rivals, saving};
use crate::data::{Report, Results, ShownDesign};
use crate::number;
use crate::view::{View, views};
use crate::waterfall;

/// The chosen design, what it saves and loses, and its rivals.
pub fn overview(report: &Report) -> Markup {
    let views = views(report);
    html! {
        section #overview aria-labelledby="overview-title" {
            h2 #overview-title { "Overview" }
            @match views.first() {
                None => p { "There are no networks." },
                Some(view) => {
                    (headline(view))
                    (comparison(view.results))
                    (waterfall::waterfall(view.results, report.provenance.costs.as_ref()))
                }
            }
            @if views.len() > 1 {
                h3 { "Network by network" }
                (networks(&views[1..]))
            }
        }
    }
}

fn headline(view: &View) -> Markup {
    let answer = &view.results.answer;
    html! {
        p .question { (view.name) ": " (answer.headline) }
        @if let Outcome::Chosen(design) | Outcome::Nearest(design) = outcome(view.results) {
            p .answer { (design.name) }
            (figures(design))
        }
        @for remark in &answer.remarks { p { (remark) } }
    }
}

/// The few numbers of a design, large.
fn figures(design: &ShownDesign) -> Markup {
    html! {
        dl .figures {
            div {
                dt { "array power saved" }
                dd { @match saving(design) {
                    Some(saving) => { (number::percent(saving)) " %" },
                    None => "unknown",
                } }
            }
            @if let Some(assessment) = &design.assessment {
                div {
                    dt { "loss, points" }
                    dd {
                        (number::fixed(assessment.loss, 2))
                        small {
                            " [" (number::fixed(assessment.interval[0], 2)) ", "
                            (number::fixed(assessment.interval[1], 2)) "], "
                            (number::confidence(assessment.confidence)) " %"
                        }
                    }
                }
                div {
                    dt { "top-1 accuracy" }
                    dd { (number::fixed(100.0 * assessment.top1, 2)) " %" }
                }
            }
            @if let Some(energy) = design.relative_energy {
                div {
                    dt { "energy per image saved" }
                    dd {
                        (number::percent(1.0 - energy)) " %"
                        @if let Some(energy_nj) = design.energy_nj {
                            small { " " (number::significant(energy_nj)) " nJ" }
                        }
                    }
                }
            }
        }
    }
}

/// A bar of saved power for the chosen design and each rival.
fn comparison(results: &Results) -> Markup {
    let chosen = match outcome(results) {
        Outcome::Chosen(design) => design,
        _ => return html! {},
    };
    let mut rows = vec![("chosen".to_owned(), Some(chosen))];
    let others = rivals(results).into_iter().filter(|(_, rival)| *rival != Some(chosen));
    rows.extend(others.map(|(kind, rival)| (format!("best {kind}"), rival)));
    html! {
        div .scroll {
            table .comparison {
                caption { "The chosen design and its rivals under the same limit" }
                thead { tr {
                    th scope="col" { "" }
                    th scope="col" { "design" }
                    th scope="col" { "array power saved" }
                    th scope="col" .number { "loss [interval], points" }
                } }
                tbody {
                    @for (what, design) in rows {
                        tr {
                            th scope="row" { (what) }
                            @match design {
                                Some(design) => {
                                    td { (design.name) }
                                    td { @match saving(design) {
                                        Some(saving) => (bar(0.0, saving)),
                                        None => "unknown",
                                    } }
                                    td .number { @if let Some(found) = &design.assessment { (number::loss(found)) } }
                                },
                                None => td colspan="3" .none { "none of known power is under the limit" },
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The answer for each network.
fn networks(views: &[View]) -> Markup {
    let (beside, in_mean): (Vec<&View>, Vec<&View>) = views.iter().partition(|view| view.beside);
    html! {
        div .scroll {
            table .networks {
                caption { "Power saved by the best design of each kind under the limit" }
                thead { tr {
                    th scope="col" { "network" }
                    th scope="col" { "chosen" }
                    th scope="col" .number { "loss [interval], points" }
                    th scope="col" .number { "saved" }
                    th scope="col" .number { "with V" }
                    th scope="col" .number { "without V" }
                    th scope="col" .number { "reduced precision" }
                } }
                tbody { @for view in in_mean { (network(view)) } }
                @if !beside.is_empty() {
                    tbody .beside {
                        tr { th scope="rowgroup" colspan="7" { "Beside them, in no mean" } }
                        @for view in beside { (network(view)) }
                    }
                }
            }
        }
    }
}

/// The answer for a network, as a row.
fn network(view: &View) -> Markup {
    let (name, shown, chosen) = match outcome(view.results) {
        Outcome::Chosen(design) => (design.name.clone(), Some(design), Some(design)),
        Outcome::Nearest(design) => (format!("none; nearest: {}", design.name), Some(design), None),
        Outcome::UnknownPower => ("of unknown power".to_owned(), None, None),
        Outcome::Nothing => ("not evaluated".to_owned(), None, None),
    };
    let saved = |design: Option<&ShownDesign>| match design.map(saving) {
        Some(Some(saving)) => format!("{} %", number::percent(saving)),
        Some(None) => "unknown".to_owned(),
        None => "none".to_owned(),
    };
    html! {
        tr {
            th scope="row" { (view.name) }
            td { (name) }
            td .number { @if let Some(found) = shown.and_then(|design| design.assessment.as_ref()) { (number::loss(found)) } }
            td .number { (saved(chosen)) }
            @for (_, rival) in rivals(view.results) { td .number { (saved(rival)) } }
        }
    }
}
