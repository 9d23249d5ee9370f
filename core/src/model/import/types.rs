//! Element types that operators ask for which are not run when they are imported, and integer
//! divisions: of all others rten says so.

use rten::Value as Tensor;

use super::super::pb;
use super::super::tensor::numbers;
use super::{Binding, Importer};

/// Operators whose inputs are real numbers.
const REAL: &[&str] =
    &["Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "Relu", "PRelu"];

/// Operators whose inputs have one type.
const ALIKE: &[&str] = &["Add", "Sub", "Mul", "Div", "Mod", "Sum", "Clip", "Concat", "Min", "Max"];

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Real,
    Integer,
    /// int8 or uint8 between a quantiser and its dequantiser.
    Code,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Real => "real numbers",
            Self::Integer => "integers",
            Self::Code => "8-bit codes",
        }
    }
}

impl Importer<'_> {
    /// Checks the types of a node's inputs.
    pub(super) fn check_types(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> std::result::Result<(), String> {
        let operator = proto.op_type.as_str();
        let kinds: Vec<Option<Kind>> =
            inputs.iter().map(|input| input.as_ref().map(|input| self.kind(input))).collect();
        let expected = match kinds.iter().flatten().next() {
            _ if REAL.contains(&operator) => Kind::Real,
            Some(&first) if ALIKE.contains(&operator) => first,
            _ => return Ok(()),
        };
        // Nodes on the codes of activations become nodes on real numbers.
        let on_codes = inputs.iter().flatten().any(|input| matches!(input, Binding::Codes(_)));
        let other = |kind: &Option<Kind>| kind.is_some_and(|kind| kind != expected);
        if let Some(index) = kinds.iter().position(other).filter(|_| !on_codes) {
            let found = kinds[index].unwrap_or(expected).name();
            return Err(format!(
                "its input {index} holds {found}; expected {}: add a Cast or a \
                 DequantizeLinear before it",
                expected.name()
            ));
        }
        match (operator, inputs) {
            ("Div" | "Mod", [Some(left), Some(right)]) if expected == Kind::Integer => {
                check_division(left, right)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn kind(&self, binding: &Binding) -> Kind {
        match binding {
            Binding::Constant(tensor, _) => match **tensor {
                Tensor::Int32Tensor(_) => Kind::Integer,
                Tensor::Int8Tensor(_) | Tensor::UInt8Tensor(_) => Kind::Code,
                _ => Kind::Real,
            },
            Binding::Value(id) if self.values[*id].integer => Kind::Integer,
            Binding::Value(_) => Kind::Real,
            Binding::Codes(_) => Kind::Code,
        }
    }
}

/// Integers have no quotient by 0, and the smallest of them none by -1.
fn check_division(dividend: &Binding, divisor: &Binding) -> std::result::Result<(), String> {
    let constant = |binding: &Binding| match binding {
        Binding::Constant(tensor, _) => numbers::<i32>(tensor),
        _ => None,
    };
    let Some(divisors) = constant(divisor) else {
        return Err("it divides integers by what is only known when it runs, and may be 0; \
                    divide real numbers"
            .into());
    };
    let smallest = constant(dividend).is_none_or(|dividends| dividends.contains(&i32::MIN));
    if divisors.contains(&-1) && smallest {
        return Err("it divides by -1 what may be the smallest integer, whose negative does not \
                    exist; use Neg"
            .into());
    }
    Ok(())
}
