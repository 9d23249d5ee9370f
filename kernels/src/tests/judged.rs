//! Which instruction sets were judged, and on what: a loop that leaves one out fails.

use std::collections::HashMap;

use crate::Isa;

/// Cases of each kind on each instruction set.
#[derive(Default)]
pub(crate) struct Judged(HashMap<(Isa, &'static str), usize>);

impl Judged {
    pub fn count(&mut self, isa: Isa, kind: &'static str) {
        *self.0.entry((isa, kind)).or_default() += 1;
    }

    /// Fails unless every instruction set of this processor had so many cases of each kind.
    pub fn verdict(&self, at_least: &[(&str, usize)]) {
        let missing = self.missing(&Isa::available(), at_least);
        assert!(missing.is_empty(), "not judged:\n{}", missing.join("\n"));
    }

    fn missing(&self, available: &[Isa], at_least: &[(&str, usize)]) -> Vec<String> {
        assert!(at_least.iter().all(|&(_, least)| least > 0));
        let mut missing = Vec::new();
        for &isa in available {
            for &(kind, least) in at_least {
                let count = self.0.get(&(isa, kind)).copied().unwrap_or(0);
                if count < least {
                    missing.push(format!("{kind} on {}: {count} of {least} cases", isa.name()));
                }
            }
        }
        missing
    }
}

#[test]
fn what_was_not_judged_is_named() {
    let mut judged = Judged::default();
    let missing = |judged: &Judged, isas: &[Isa]| judged.missing(isas, &[("a", 2), ("b", 1)]);
    assert_eq!(
        missing(&judged, &[Isa::SCALAR]),
        ["a on scalar: 0 of 2 cases", "b on scalar: 0 of 1 cases"]
    );
    judged.count(Isa::SCALAR, "a");
    judged.count(Isa::SCALAR, "b");
    assert_eq!(missing(&judged, &[Isa::SCALAR]), ["a on scalar: 1 of 2 cases"]);
    judged.count(Isa::SCALAR, "a");
    assert_eq!(missing(&judged, &[Isa::SCALAR]), [""; 0]);
    for other in Isa::available().into_iter().filter(|&isa| isa != Isa::SCALAR) {
        assert_eq!(missing(&judged, &[Isa::SCALAR, other]).len(), 2, "{}", other.name());
    }
}
