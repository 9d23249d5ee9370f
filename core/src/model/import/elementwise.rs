//! Operators that work element by element and that Recoup has code for.

use std::sync::Arc;

use super::super::NodeKind;
use super::super::attributes::attribute;
use super::super::pb;
use super::super::tensor::scalar;
use super::{Binding, Importer, Result, fold, node_name};

impl Importer<'_> {
    pub(super) fn add(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<bool> {
        match inputs {
            [Some(Binding::Value(left)), Some(Binding::Value(right))]
                if self.values[*left].shape == self.values[*right].shape =>
            {
                let shape = self.values[*left].shape.clone();
                let output = self.new_output(proto, shape);
                self.values[output].integer = self.values[*left].integer;
                let values = vec![*left, *right];
                let node = self.add_node(node_name(proto), "Add", NodeKind::Add, values, output);
                self.nodes[node].source = Some(Arc::new(self.source(proto, inputs)));
                Ok(true)
            }
            [Some(Binding::Value(value)), Some(Binding::Constant(constant, _))]
            | [Some(Binding::Constant(constant, _)), Some(Binding::Value(value))] => {
                fold::bias(self, proto, *value, constant)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn clip(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
        low: f32,
        high: f32,
    ) -> bool {
        let Some(Some(Binding::Value(input))) = inputs.first() else { return false };
        let output = self.new_output(proto, self.values[*input].shape.clone());
        self.values[output].integer = self.values[*input].integer;
        let node = self.add_node(
            node_name(proto),
            &proto.op_type,
            NodeKind::Clip { low, high },
            vec![*input],
            output,
        );
        self.nodes[node].source = Some(Arc::new(self.source(proto, inputs)));
        true
    }

    pub(super) fn clip_between(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<bool> {
        let bound = |index: usize, name: &str, default: f32| match inputs.get(index) {
            Some(Some(Binding::Constant(bound, _))) => scalar::<f32>(bound),
            Some(Some(_)) => None,
            _ => Some(attribute(proto, name).map_or(default, |attribute| attribute.f)),
        };
        let low = bound(1, "min", f32::NEG_INFINITY);
        let high = bound(2, "max", f32::INFINITY);
        Ok(match (low, high) {
            (Some(low), Some(high)) => self.clip(proto, inputs, low, high),
            _ => false,
        })
    }
}
