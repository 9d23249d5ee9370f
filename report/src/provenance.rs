//! Where the results come from.

use maud::{Markup, html};

use crate::data::{Costs, Report};
use crate::number;

/// Versions, hashes, commands and dates.
pub fn provenance(report: &Report) -> Markup {
    let provenance = &report.provenance;
    html! {
        section #provenance aria-labelledby="provenance-title" {
            h2 #provenance-title { "Provenance" }
            p { "Recoup " (provenance.version) "." }
            @if !provenance.commands.is_empty() {
                h3 { "Commands" }
                @for command in &provenance.commands {
                    p .date { (command.date) }
                    pre { code { (command.command) } }
                }
            }
            @if !provenance.inputs.is_empty() {
                h3 { "Inputs" }
                div .scroll { table {
                    thead { tr {
                        th scope="col" { "what" } th scope="col" { "name" } th scope="col" { "SHA-256" }
                    } }
                    tbody { @for input in &provenance.inputs { tr {
                        td { (input.role) } td { (input.name) } td { code .hash { (input.sha256) } }
                    } } }
                } }
            }
            h3 { "Networks" }
            ul { @for network in &report.networks {
                li { b { (network.name) } ": " (network.images) " images of " (network.data)
                    ", preprocess " (network.preprocess) }
            } }
            @match &provenance.costs {
                Some(found) => (costs(found)),
                None => p { "No cost table: the power of the designs is not known." },
            }
            @for note in &provenance.notes { p { (note) } }
        }
    }
}

fn costs(costs: &Costs) -> Markup {
    html! {
        h3 { "Cost table" }
        dl .pairs {
            dt { "cell library" } dd { (costs.library) }
            dt { "clock" } dd { (number::significant(costs.clock_ps)) " ps" }
            dt { "array" } dd {
                (costs.array)
                @if !costs.structure.is_empty() { ", " (costs.structure) }
            }
            dt { "codes" } dd { (costs.stimulus) }
            dt { "tools" }
            dd { @for (index, (name, version)) in costs.tools.iter().enumerate() {
                @if index > 0 { "; " }
                (name) " " (version)
            } }
            dt { "measured" } dd { (costs.date) }
        }
        pre { code { (costs.command) } }
        @for note in &costs.notes { p { (note) } }
    }
}
