//! What the saving is made of, ingredient by ingredient.

use maud::{Markup, html};

use crate::bar::bar;
use crate::data::{Costs, Results};
use crate::number;

/// A bar for each ingredient: what it saves beside those above it. The structure of the array comes first where
/// its power beside the plain array's is known; then all bars are of the plain array.
pub fn waterfall(results: &Results, costs: Option<&Costs>) -> Markup {
    if results.steps.len() < 2 {
        return html! {};
    }
    let structure =
        costs.and_then(|costs| Some((costs.structure.as_str(), costs.power_over_plain?)));
    let exact = structure.map_or(1.0, |(_, power)| power);
    let mut before = 1.0 - exact;
    html! {
        div .scroll {
            table .waterfall {
                caption { "What the saving is made of: the best design under the limit with one thing more at each step" }
                thead { tr {
                    th scope="col" { "step" }
                    th scope="col" { "best design" }
                    th scope="col" .number { "array power saved" }
                    @if structure.is_some() {
                        th scope="col" { "saved of the plain array" }
                    } @else {
                        th scope="col" { "by the step" }
                    }
                } }
                tbody {
                    @if let Some((words, power)) = structure {
                        tr {
                            th scope="row" { "the array" }
                            td { "exact, " (words) }
                            td .number { "0.0 %" }
                            td { (bar(0.0, 1.0 - power)) }
                        }
                    }
                    @for step in &results.steps {
                        @let best = step.best.and_then(|best| results.designs.get(best));
                        tr {
                            th scope="row" { (step.ingredient.words()) }
                            @match best.and_then(|design| Some((design, design.relative_power?))) {
                                Some((design, power)) => {
                                    @let from = std::mem::replace(&mut before, 1.0 - exact * power);
                                    td { (design.name) }
                                    td .number { (number::percent(1.0 - power)) " %" }
                                    td { (bar(from, before)) }
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

#[cfg(test)]
mod tests {
    use recoup_explore::ingredients::Ingredient;

    use super::*;
    use crate::data::{Kind, ShownDesign, Step};

    fn results() -> Results {
        let design = |name: &str, power| ShownDesign {
            name: name.into(),
            kind: Kind::WithV,
            multiplier: name.into(),
            family: "mask".into(),
            level: None,
            control_variate: "fitted".into(),
            control_function: None,
            identity: name.into(),
            activation_bits: 8,
            weight_bits: 8,
            variant: String::new(),
            relative_power: Some(power),
            energy_nj: None,
            relative_energy: None,
            assessment: None,
            note: String::new(),
        };
        let step = |ingredient, best| Step { ingredient, best };
        Results {
            designs: vec![design("six bits", 0.8), design("truncated:9", 0.3)],
            steps: vec![
                step(Ingredient::Less, None),
                step(Ingredient::Gains, Some(0)),
                step(Ingredient::V, Some(1)),
            ],
            ..Results::default()
        }
    }

    #[test]
    fn each_bar_begins_where_the_one_above_ends() {
        let text = waterfall(&results(), None).into_string();
        assert!(text.contains("none of known power"), "{text}");
        assert!(text.contains("margin-left:0.0%;width:20.0%"), "{text}");
        assert!(text.contains("margin-left:20.0%;width:50.0%"), "{text}");
        let one = Results { steps: results().steps[1..2].to_vec(), ..results() };
        assert_eq!(waterfall(&one, None).into_string(), "");
    }

    #[test]
    fn with_the_plain_array_all_bars_are_of_it() {
        let costs = |power_over_plain| Costs {
            library: "asap7".into(),
            clock_ps: 1000.0,
            array: "64 x 64".into(),
            structure: "4 products per PE".into(),
            power_over_plain,
            stimulus: String::new(),
            tools: Default::default(),
            command: String::new(),
            date: String::new(),
            notes: Vec::new(),
        };
        let text = waterfall(&results(), Some(&costs(Some(0.6)))).into_string();
        // 1 - 0.6, 1 - 0.6 x 0.8, 1 - 0.6 x 0.3.
        for bar in ["left:0.0%;width:40.0%", "left:40.0%;width:12.0%", "left:52.0%;width:30.0%"] {
            assert!(text.contains(bar), "{bar}: {text}");
        }
        assert!(text.contains("exact, 4 products per PE") && text.contains("82.0 %"), "{text}");
        assert!(!waterfall(&results(), Some(&costs(None))).into_string().contains("plain array"));
    }
}
