//! The page as a whole.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::data::Report;
use crate::{overview, provenance, script, sections};

const STYLE: &str = include_str!("../assets/report.css");

/// One HTML file with everything in it.
///
/// Every text of the report is escaped. The page loads nothing, and a content security policy
/// keeps it from doing so.
pub fn render(report: &Report) -> String {
    let scripts = script::scripts();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(script::policy(&scripts));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "Recoup " (report.provenance.version) };
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a .skip href="#overview" { "To the answer" }
                header {
                    h1 { (report.title) }
                    (navigation(report))
                    button #theme type="button" hidden { "Theme: system" }
                }
                main {
                    (overview::overview(report))
                    noscript { p .note { "Charts, filters and sorting need scripts; the tables do not." } }
                    (sections::sections(report))
                    (provenance::provenance(report))
                }
                footer { details {
                    summary { "Drawn with D3 and Observable Plot: their licences" }
                    @for (name, text) in script::LICENCES { h4 { (name) } pre { (text) } }
                } }
                div #tooltip role="tooltip" hidden {}
                script #data type="application/json" { (PreEscaped(script::json(report))) }
                @for script in &scripts { script { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}

fn navigation(report: &Report) -> Markup {
    let layers = report.networks.iter().any(|network| !network.layers.is_empty());
    let links = [
        ("overview", "Overview", true),
        ("tradeoff", "Accuracy and power", true),
        ("loss", "Loss", true),
        ("layers", "Layers", layers),
        ("hardware", "Hardware", !report.hardware.is_empty()),
        ("designs", "All designs", true),
        ("provenance", "Provenance", true),
    ];
    html! {
        nav aria-label="Sections" { ul {
            @for (id, title, _) in links.into_iter().filter(|(_, _, present)| *present) {
                li { a href={ "#" (id) } { (title) } }
            }
        } }
    }
}
