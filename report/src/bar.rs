//! A share of the exact array's power as a bar.

use maud::{Markup, html};

use crate::number;

/// From what was saved before to what is saved now, which is said beside it.
pub fn bar(from: f64, to: f64) -> Markup {
    let [from_percent, width] = [from, to - from].map(|share| (100.0 * share).clamp(0.0, 100.0));
    html! {
        span .bar aria-hidden="true" {
            span style={ "margin-left:" (format!("{from_percent:.1}")) "%;width:" (format!("{width:.1}")) "%" } {}
        }
        " " (number::percent(to)) " %"
    }
}
