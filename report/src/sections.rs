//! The sections that scripts draw into, each with what it says in words.

use maud::{Markup, html};

use crate::data::{Kind, Report, ShownDesign};
use crate::dots;
use crate::number;
use crate::table;
use crate::view::{View, views};

const KINDS: [Kind; 4] = [Kind::WithV, Kind::WithoutV, Kind::ReducedPrecision, Kind::Reference];

/// Everything between the overview and the provenance.
pub fn sections(report: &Report) -> Markup {
    let views = views(report);
    let has_layers = report.networks.iter().any(|network| !network.layers.is_empty());
    let has_histograms = report.networks.iter().any(|network| !network.histograms.is_empty());
    html! {
        (filters(report, &views))
        (section("tradeoff", "Accuracy against power", html! {
            p { "Each mark is a design, with the confidence interval of its loss. The line joins those \
                that no other beats in power and loss at once. Hover over a mark, or move to the chart \
                with Tab and through the marks with the arrow keys." }
            div #chart-tradeoff .chart {}
            p #tradeoff-note .note {}
            @if report.networks.len() > 1 {
                h3 { "Each network" }
                div #chart-networks .charts {}
            }
        }))
        (section("loss", "Loss without and with V", html! {
            p { "Points lost against exact 8-bit products on the same images, on a logarithmic scale. \
                A loss of 0.01 points or less, gains included, is a hollow mark at the left edge." }
            div #chart-loss .chart .tall tabindex="0" role="region" aria-label="Losses" {}
        }))
        @if has_histograms {
            (section("errors", "Errors of a layer", html! {
                p { "The accumulated error of one layer's outputs, before V and after it: V takes the \
                    mean away and narrows what is left. Heights are on a square-root scale." }
                div #chart-errors .charts {}
            }))
        }
        @if has_layers {
            (section("layers", "Signal to noise, layer by layer", html! {
                p { "Variance of the exact accumulators over the mean square error, dB; more is better, \
                    ∞ is no error." }
                div #chart-layers .charts .wide {}
            }))
        }
        @if !report.multipliers.is_empty() {
            (section("multipliers", "Partial products", html! {
                p { "Filled dots are computed, small hollow ones left out. A row for each bit of the \
                    activation, a column for each weight of the product, the highest on the left." }
                div .diagrams { @for multiplier in &report.multipliers { (dots::diagram(multiplier)) } }
            }))
        }
        @if !report.hardware.is_empty() {
            (section("hardware", "Area and power", html! {
                p { "The whole array with all that V needs, by part." }
                div #chart-hardware .charts .wide {}
                (table::hardware(&report.hardware))
            }))
        }
        @if !report.comparisons.is_empty() {
            (section("paper", "Beside the paper", table::comparisons(&report.comparisons)))
        }
        (section("designs", "All designs", html! {
            p { span #designs-count role="status" {} " The headings sort." }
            (table::designs(&views))
        }))
    }
}

fn section(id: &str, title: &str, content: Markup) -> Markup {
    let title_id = format!("{id}-title");
    html! {
        section id=(id) aria-labelledby=(title_id) {
            h2 id=(title_id) { (title) }
            (content)
        }
    }
}

/// What acts on the charts of accuracy and on the table.
fn filters(report: &Report, views: &[View]) -> Markup {
    let families = distinct(views, |design| &design.family);
    let variants = distinct(views, |design| &design.variant);
    html! {
        form #filters aria-label="Filters" {
            label {
                "Network "
                select name="view" {
                    @for view in views { option value=(view.key) { (view.name) } }
                }
            }
            label {
                "Family "
                select name="family" {
                    option value="" { "all" }
                    @for family in families { option value={ "=" (family) } { (family) } }
                }
            }
            @if variants.len() > 1 {
                label {
                    "Variant "
                    select name="variant" {
                        option value="" { "all" }
                        @for variant in variants {
                            option value={ "=" (variant) } { (if variant.is_empty() { "plain" } else { variant }) }
                        }
                    }
                }
            }
            label {
                "Limit "
                input name="limit" type="number" min="0" max="99.99" step="any" value=(number::limit(report.max_loss));
                " points"
            }
            label { input name="under" type="checkbox"; " only under it" }
            fieldset {
                legend { "Kind" }
                @for shown in KINDS {
                    label { input name="kind" type="checkbox" value=(shown.key()) checked; " " (shown.name()) }
                }
            }
            button type="reset" { "Reset" }
        }
    }
}

/// The different values that a property of designs has, in the order of the designs.
fn distinct<'a>(views: &[View<'a>], property: impl Fn(&'a ShownDesign) -> &'a str) -> Vec<&'a str> {
    let mut values = Vec::new();
    for view in views {
        for value in view.results.designs.iter().map(&property) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values
}
