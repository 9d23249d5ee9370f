//! Every design as a row: what the charts show, in numbers.

use maud::{Markup, html};

use crate::data::{Assessment, Comparison, Hardware, Kind, ShownDesign};
use crate::number;
use crate::view::View;

/// The columns; those of numbers are sorted as such.
const COLUMNS: [(&str, bool); 10] = [
    ("network", false),
    ("design", false),
    ("kind", false),
    ("array power, %", true),
    ("energy, % (nJ)", true),
    ("loss [interval], points", true),
    ("confidence, %", true),
    ("images", true),
    ("top-1, %", true),
    ("verdict", false),
];

/// All designs of all views. Scripts show the rows of one view at a time and sort them.
pub fn designs(views: &[View]) -> Markup {
    let mut all = views.iter().flat_map(|view| &view.results.designs);
    let energy = all.any(|design| energy(design).is_some());
    html! {
        div .scroll .tall tabindex="0" role="region" aria-label="All designs" {
            table #designs-table .without-energy[!energy] {
                thead { tr {
                    @for (name, number) in COLUMNS {
                        th scope="col" .number[number] aria-sort="none" { (name) }
                    }
                } }
                @for view in views {
                    tbody data-view=(view.key) {
                        @for (index, design) in view.results.designs.iter().enumerate() {
                            (row(view, index, design))
                        }
                    }
                }
            }
        }
    }
}

fn row(view: &View, index: usize, design: &ShownDesign) -> Markup {
    let choice = &view.results.choice;
    let front = choice.front.contains(&index);
    let chosen = choice.chosen == Some(index);
    // A number without a value is sorted behind all others.
    let cell = |value: Option<f64>, text: Option<String>| {
        html! { td .number data-value=[value] { (text.unwrap_or_default()) } }
    };
    let found = design.assessment.as_ref();
    let of = |value: &dyn Fn(&Assessment) -> f64, text: &dyn Fn(&Assessment) -> String| {
        cell(found.map(value), found.map(text))
    };
    let is_reference = design.kind == Kind::Reference;
    html! {
        tr data-index=(index) .chosen[chosen] {
            td { (view.short) }
            th scope="row" {
                (design.name)
                @if chosen { " " span .tag { "chosen" } }
                @if front { " " span .tag { "front" } }
            }
            td { (design.kind.name()) }
            (cell(design.relative_power, design.relative_power.map(number::percent)))
            (cell(design.relative_energy.or(design.energy_nj), energy(design)))
            (of(&|found| found.loss, &|found| if is_reference { "reference".into() } else { number::loss(found) }))
            (of(&|found| found.confidence, &|found| number::confidence(found.confidence)))
            (of(&|found| found.images as f64, &|found| found.images.to_string()))
            (of(&|found| found.top1, &|found| number::fixed(100.0 * found.top1, 2)))
            td { @match found {
                Some(_) if is_reference => "",
                Some(found) => (found.verdict.name()),
                None => (design.note),
            } }
        }
    }
}

/// The energy of an inference: of the exact network's, and in itself.
pub fn energy(design: &ShownDesign) -> Option<String> {
    let relative = design.relative_energy.map(number::percent);
    let energy_nj = design.energy_nj.map(number::significant);
    match (relative, energy_nj) {
        (Some(relative), Some(energy_nj)) => Some(format!("{relative} ({energy_nj})")),
        (None, Some(energy_nj)) => Some(format!("({energy_nj})")),
        (relative, None) => relative,
    }
}

/// Area and energy in numbers, the first row being what the others are compared with.
pub fn hardware(designs: &[Hardware]) -> Markup {
    let Some(exact) = designs.first() else { return html! {} };
    html! {
        details {
            summary { "Area and energy in numbers" }
            div .scroll { table {
                thead { tr {
                    th scope="col" { "array" }
                    th scope="col" .number { "area, µm²" }
                    th scope="col" .number { "of exact, %" }
                    th scope="col" .number { "energy per MAC, fJ" }
                    th scope="col" .number { "of exact, %" }
                } }
                tbody { @for design in designs { tr {
                    th scope="row" { (design.name) }
                    td .number { (number::significant(design.area_um2)) }
                    td .number { (number::percent(design.area_um2 / exact.area_um2)) }
                    td .number { (number::significant(design.energy_fj)) }
                    td .number { (number::percent(design.energy_fj / exact.energy_fj)) }
                } } }
            } }
        }
    }
}

/// What a publication reports beside what was found.
pub fn comparisons(rows: &[Comparison]) -> Markup {
    html! {
        div .scroll { table {
            thead { tr {
                th scope="col" { "quantity" } th scope="col" { "paper" }
                th scope="col" { "here" } th scope="col" { "comment" }
            } }
            tbody { @for row in rows { tr {
                th scope="row" { (row.quantity) } td { (row.paper) }
                td { (row.here) } td { (row.comment) }
            } } }
        } }
    }
}
