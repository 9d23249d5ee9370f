//! Numbers as people read them.

use crate::data::Assessment;

/// A number with a true minus sign.
pub fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.chars().all(|c| matches!(c, '0' | '.')) => zero.to_owned(),
        Some(positive) => format!("\u{2212}{positive}"),
        None => text,
    }
}

/// A fraction in percent, without the sign of percent.
pub fn percent(fraction: f64) -> String {
    fixed(100.0 * fraction, 1)
}

/// A confidence in percent, to the digits that it needs: 95, 99.95.
pub fn confidence(fraction: f64) -> String {
    let text = format!("{:.2}", 100.0 * fraction);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A limit as it was given: 0.5, 1.
pub fn limit(points: f64) -> String {
    format!("{points}")
}

/// A loss with its interval, points.
pub fn loss(assessment: &Assessment) -> String {
    let [low, high] = assessment.interval;
    format!("{} [{}, {}]", fixed(assessment.loss, 2), fixed(low, 2), fixed(high, 2))
}

/// Three significant digits, with commas between thousands: 0.0123, 4.56, 196,000.
pub fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return fixed(value, 0);
    }
    let magnitude = value.abs().log10().floor() as i32;
    if magnitude < 2 {
        return fixed(value, (2 - magnitude) as usize);
    }
    let unit = 10f64.powi(magnitude - 2);
    let digits = fixed((value / unit).round() * unit, 0);
    let count = digits.chars().filter(char::is_ascii_digit).count();
    let mut left = count;
    let mut text = String::new();
    for digit in digits.chars() {
        if digit.is_ascii_digit() {
            if left < count && left % 3 == 0 {
                text.push(',');
            }
            left -= 1;
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_signed_well() {
        assert_eq!(fixed(-0.004, 2), "0.00");
        assert_eq!(fixed(-1.25, 1), "\u{2212}1.2");
        assert_eq!((percent(0.5512), confidence(0.9995)), ("55.1".into(), "99.95".into()));
        assert_eq!(
            (confidence(0.95), limit(1.0), limit(0.25)),
            ("95".into(), "1".into(), "0.25".into())
        );
        let three =
            [0.0, 0.012_345, 4.555, 99.96, 110.21, 196_432.0, -1_234_567.0].map(significant);
        let expected = ["0", "0.0123", "4.55", "99.96", "110", "196,000", "\u{2212}1,230,000"];
        assert_eq!(three[..3], expected[..3]);
        assert_eq!(three[4..], expected[4..]);
    }
}
