//! A multiplier's partial products as a dot diagram.

use maud::{Markup, html};

use crate::data::Mask;

/// Distance of two dots, units of the picture.
const PITCH: u32 = 12;

/// The 64 partial products: a column for each weight of the product, the highest on the left, a
/// row for each activation bit, shifted as in a sum on paper. Kept ones are filled, dropped ones
/// small and hollow.
pub fn diagram(multiplier: &Mask) -> Markup {
    let kept = multiplier.mask.count_ones();
    let dropped = 64 - kept;
    let text =
        format!("{}: {kept} of 64 partial products kept, {dropped} dropped", multiplier.name);
    html! {
        figure class="dots" {
            svg role="img" aria-label=(text) viewBox={ "0 0 " (16 * PITCH) " " (9 * PITCH) } {
                @for product in 0..64u32 {
                    @let (row, bit) = (product / 8, product % 8);
                    @let (x, y) = (PITCH * (15 - row - bit), PITCH * (1 + row));
                    @if multiplier.mask >> product & 1 == 1 {
                        circle class="kept" cx=(x) cy=(y) r="4" {}
                    } @else {
                        circle class="dropped" cx=(x) cy=(y) r="2.2" {}
                    }
                }
            }
            figcaption {
                b { (multiplier.name) } br;
                (kept) " of 64 kept"
                @if multiplier.coding != "any" { ", " (multiplier.coding) " weights" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_product_is_at_the_right_of_the_first_row() {
        let one = Mask { name: "a<b".into(), mask: 1, coding: "any".into() };
        let text = diagram(&one).into_string();
        assert_eq!(text.matches("class=\"kept\"").count(), 1);
        assert_eq!(text.matches("class=\"dropped\"").count(), 63);
        assert!(text.contains("class=\"kept\" cx=\"180\" cy=\"12\""), "{text}");
        assert!(text.contains("a&lt;b") && !text.contains("a<b"));
    }
}
