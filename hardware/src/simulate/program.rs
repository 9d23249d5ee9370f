//! Truth tables as short sequences of operations on words of 64 independent values.

use std::collections::HashMap;

use crate::cells::TruthTable;

/// One operation; operands and result are indices into the array of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    kind: Kind,
    a: u32,
    b: u32,
    /// The selecting value of a [`Kind::Mux`].
    select: u32,
    result: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Copy,
    Not,
    And,
    /// a and not b.
    AndNot,
    Or,
    /// a or not b.
    OrNot,
    Xor,
    /// b where selected, else a.
    Mux,
}

/// Runs operations in order.
pub(super) fn run(operations: &[Operation], values: &mut [u64]) {
    for operation in operations {
        let (a, b) = (values[operation.a as usize], values[operation.b as usize]);
        values[operation.result as usize] = match operation.kind {
            Kind::Copy => a,
            Kind::Not => !a,
            Kind::And => a & b,
            Kind::AndNot => a & !b,
            Kind::Or => a | b,
            Kind::OrNot => a | !b,
            Kind::Xor => a ^ b,
            Kind::Mux => a ^ ((a ^ b) & values[operation.select as usize]),
        };
    }
}

/// Compiles functions of the same variables into operations; what they share is computed once.
///
/// Value 0 must hold 0 in all lanes, value 1 must hold 1.
pub(super) struct Compiler<'a> {
    operations: &'a mut Vec<Operation>,
    /// The variables' values.
    inputs: &'a [u32],
    /// First free value for intermediate results.
    free: u32,
    /// Where functions that have been computed are.
    known: HashMap<u64, u32>,
}

impl<'a> Compiler<'a> {
    /// A compiler that appends to `operations` and puts intermediate results from `free` on.
    pub(super) fn new(operations: &'a mut Vec<Operation>, inputs: &'a [u32], free: u32) -> Self {
        let all = ones(inputs.len());
        let mut known = HashMap::from([(0, 0), (all, 1)]);
        for (variable, &value) in inputs.iter().enumerate() {
            known.insert(projection(variable) & all, value);
        }
        Self { operations, inputs, free, known }
    }

    /// Computes `function` into `result` and returns the first value that is still free.
    pub(super) fn compile(&mut self, function: TruthTable, result: u32) -> u32 {
        debug_assert_eq!(usize::from(function.inputs), self.inputs.len());
        let bits = function.bits & ones(self.inputs.len());
        match self.known.get(&bits) {
            Some(&known) => self.push(Kind::Copy, known, known, 0, result),
            None => self.build(bits, Some(result)),
        };
        self.known.insert(bits, result);
        self.free
    }

    fn build(&mut self, bits: u64, result: Option<u32>) -> u32 {
        if let Some(&known) = self.known.get(&bits) {
            return known;
        }
        let all = ones(self.inputs.len());
        let (kind, a, b, select) = if let Some(&opposite) = self.known.get(&(!bits & all)) {
            (Kind::Not, opposite, opposite, 0)
        } else {
            let (variable, low, high) = self.split(bits);
            let x = self.inputs[variable];
            if low == 0 {
                (Kind::And, self.build(high, None), x, 0)
            } else if high == 0 {
                (Kind::AndNot, self.build(low, None), x, 0)
            } else if low == all {
                (Kind::OrNot, self.build(high, None), x, 0)
            } else if high == all {
                (Kind::Or, self.build(low, None), x, 0)
            } else if low == !high & all {
                (Kind::Xor, self.build(low, None), x, 0)
            } else {
                (Kind::Mux, self.build(low, None), self.build(high, None), x)
            }
        };
        let result = result.unwrap_or_else(|| {
            self.free += 1;
            self.free - 1
        });
        self.push(kind, a, b, select, result);
        self.known.insert(bits, result);
        result
    }

    /// The variable that splits the function most simply: one cofactor constant, else one the
    /// other's complement, else any that it depends on. Cofactors are of all variables.
    fn split(&self, bits: u64) -> (usize, u64, u64) {
        let all = ones(self.inputs.len());
        let splits = (0..self.inputs.len()).map(|variable| {
            let high = bits & projection(variable);
            let low = bits & !projection(variable);
            let shift = 1 << variable;
            (variable, (low | low << shift) & all, (high | high >> shift) & all)
        });
        splits
            .filter(|(_, low, high)| low != high)
            .min_by_key(|&(_, low, high)| {
                if low == 0 || high == 0 || low == all || high == all {
                    0
                } else if low == !high & all {
                    1
                } else {
                    2
                }
            })
            .expect("a function that is not constant depends on a variable")
    }

    fn push(&mut self, kind: Kind, a: u32, b: u32, select: u32, result: u32) -> u32 {
        self.operations.push(Operation { kind, a, b, select, result });
        result
    }
}

/// The constant 1 of some variables.
fn ones(variables: usize) -> u64 {
    if variables == 6 { u64::MAX } else { (1 << (1 << variables)) - 1 }
}

/// The function that is one of 6 variables.
pub(super) fn projection(variable: usize) -> u64 {
    [
        0xaaaa_aaaa_aaaa_aaaa,
        0xcccc_cccc_cccc_cccc,
        0xf0f0_f0f0_f0f0_f0f0,
        0xff00_ff00_ff00_ff00,
        0xffff_0000_ffff_0000,
        0xffff_ffff_0000_0000,
    ][variable]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lanes run through all states of six inputs, so one run shows the whole truth table.
    fn evaluate(functions: &[TruthTable]) -> (Vec<u64>, usize) {
        let inputs: Vec<u32> = (0..functions[0].inputs).map(|input| 2 + u32::from(input)).collect();
        let results = 8..8 + functions.len() as u32;
        let mut operations = Vec::new();
        let mut compiler = Compiler::new(&mut operations, &inputs, results.end);
        let mut free = 0;
        for (&function, result) in functions.iter().zip(results.clone()) {
            free = compiler.compile(function, result);
        }
        let mut values = vec![0; free as usize];
        values[1] = u64::MAX;
        (0..6).for_each(|variable| values[2 + variable] = projection(variable));
        run(&operations, &mut values);
        let mask = ones(functions[0].inputs.into());
        (results.map(|result| values[result as usize] & mask).collect(), operations.len())
    }

    #[test]
    fn all_functions_of_three_variables_and_many_of_six() {
        for bits in 0..256 {
            assert_eq!(evaluate(&[TruthTable { inputs: 3, bits }]).0, [bits]);
        }
        let mut bits: u64 = 1;
        for _ in 0..2000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            assert_eq!(evaluate(&[TruthTable { inputs: 6, bits }]).0, [bits]);
        }
    }

    #[test]
    fn a_full_adder_is_five_operations() {
        let sum = TruthTable { inputs: 3, bits: 0b1001_0110 };
        let carry = TruthTable { inputs: 3, bits: 0b1110_1000 };
        let (results, operations) = evaluate(&[sum, carry]);
        assert_eq!(results, [sum.bits, carry.bits]);
        assert_eq!(operations, 5);
    }

    #[test]
    fn constants_and_copies() {
        for bits in [0, 1, 2, 3] {
            assert_eq!(evaluate(&[TruthTable { inputs: 1, bits }]).0, [bits]);
        }
    }
}
