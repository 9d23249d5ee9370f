//! How often each code occurs, as text: a word for each count, from code 0 on, with `0*17` for 17
//! zeros in a row, since most channels leave most codes out.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub fn serialize<S: Serializer>(channels: &[[u32; 256]], serializer: S) -> Result<S::Ok, S::Error> {
    let lines: Vec<String> = channels.iter().map(words).collect();
    lines.serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<[u32; 256]>, D::Error> {
    let lines = Vec::<String>::deserialize(deserializer)?;
    let counts = lines.iter().map(|line| counts(line)).collect::<Option<_>>();
    let expected = "expected the counts of 256 codes, as 7, or as 0*17 for 17 zeros";
    counts.ok_or_else(|| D::Error::custom(expected))
}

fn words(counts: &[u32; 256]) -> String {
    let runs = counts.chunk_by(|left, right| left == right);
    let word = |run: &[u32]| match run {
        [count] => count.to_string(),
        _ => format!("{}*{}", run[0], run.len()),
    };
    runs.map(word).collect::<Vec<_>>().join(" ")
}

fn counts(words: &str) -> Option<[u32; 256]> {
    let mut counts = Vec::with_capacity(256);
    for word in words.split_whitespace() {
        let (count, times) = word.split_once('*').unwrap_or((word, "1"));
        let times: usize = times.parse().ok().filter(|times| (1..=256).contains(times))?;
        counts.resize(counts.len() + times, count.parse().ok()?);
    }
    counts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_a_round_trip() {
        let mut some = [0; 256];
        (some[0], some[18], some[19], some[255]) = (u32::MAX, 4, 4, 1);
        assert_eq!(words(&some), "4294967295 0*17 4*2 0*235 1");
        let each = std::array::from_fn(|code| code as u32);
        for channel in [some, each, [0; 256], [9; 256]] {
            assert_eq!(counts(&words(&channel)), Some(channel));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "0*255", "0*257", "1 0*256", "0*0 0*256", "-1*256", "1*", "4294967296*256"]
        {
            assert_eq!(counts(text), None, "{text}");
        }
        assert_eq!(counts("0*18446744073709551615 1*1"), None);
        assert_eq!(counts("  3*255\t7 ").unwrap()[255], 7);
    }
}
