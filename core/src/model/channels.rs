//! Channels of a LayerNormalization that are scaled, and scaled back by the weights that read them.

use std::sync::Arc;

use recoup_kernels::ConvShape;

use super::{Graph, NodeKind, Operand, Source, ValueId, Weights};

/// A LayerNormalization whose channels can have scales: nobody reads them but layers on the
/// multipliers, each channel by weights of its own.
pub(crate) struct Scalable {
    /// Its node.
    node: usize,
    /// What it makes, `[row][channel]`.
    pub value: ValueId,
    /// How many channels there are.
    pub channels: usize,
    /// The nodes of the layers that read it.
    readers: Vec<usize>,
}

impl Graph {
    /// The LayerNormalizations whose channels can be scaled.
    pub(crate) fn scalable(&self) -> Vec<Scalable> {
        (0..self.nodes.len()).filter_map(|node| self.scalable_at(node)).collect()
    }

    fn scalable_at(&self, node: usize) -> Option<Scalable> {
        let source = self.normalization(node)?;
        let &[value] = &self.nodes[node].outputs[..] else { return None };
        let shape = &self.values[value].shape;
        let (&channels, rank) = (shape.last()?, shape.len() as i64);
        let axis = source.int("axis").unwrap_or(-1);
        // Images are stored channels last: their last axis is no row.
        let has_rows = rank != 4 && (axis == -1 || axis == rank - 1);
        let constants = [source.numbers(1), source.numbers(2)];
        let is_constant = |index: usize| match &constants[index - 1] {
            Some(numbers) => numbers.len() == channels,
            None => index == 2 && !source.has(2),
        };
        let is_own = self.values[value].quantization.is_some() || self.outputs.contains(&value);
        if !has_rows || is_own || !(is_constant(1) && is_constant(2)) {
            return None;
        }
        let reads = |&index: &usize| self.nodes[index].inputs.contains(&value);
        let readers: Vec<usize> = (0..self.nodes.len()).filter(reads).collect();
        let scales_back = |&index: &usize| self.weights_by_channel(index, channels).is_some();
        let can = !readers.is_empty() && readers.iter().all(scales_back);
        can.then_some(Scalable { node, value, channels, readers })
    }

    fn normalization(&self, node: usize) -> Option<&Source> {
        let node = &self.nodes[node];
        let source = node.source.as_deref()?;
        let runs_alone = matches!(node.kind, NodeKind::Operator { .. }) && node.inputs.len() == 1;
        (runs_alone && source.operator() == "LayerNormalization").then_some(source)
    }

    /// The weights of a layer that has one for each filter and channel, `[filter][channel]`.
    fn weights_by_channel(&self, node: usize, channels: usize) -> Option<&[f32]> {
        let NodeKind::Mac(mac) = &self.nodes[node].kind else { return None };
        let Operand::Constant(Weights::Float(weights)) = &mac.loaded else { return None };
        let ConvShape { groups, kernel_height, kernel_width, .. } = mac.shape;
        let is_linear = (groups, kernel_height, kernel_width) == (1, 1, 1);
        (is_linear && mac.shape.channels == channels).then_some(weights)
    }

    /// The weights of the layers that read it.
    pub(crate) fn readers_of(&self, scalable: &Scalable) -> impl Iterator<Item = &[f32]> {
        let channels = scalable.channels;
        scalable.readers.iter().filter_map(move |&node| self.weights_by_channel(node, channels))
    }

    /// The same function with the channels of a LayerNormalization divided by `scales`, which the
    /// weights that read them are multiplied by. The float model stays.
    pub(crate) fn scale_channels(&mut self, scalable: &Scalable, scales: &[f32]) {
        let Scalable { node, readers, .. } = scalable;
        let source = self.normalization(*node).expect("it was found there");
        let divided = source.with_divided(&[1, 2], scales);
        self.nodes[*node].source = Some(Arc::new(divided));
        for &reader in readers {
            if let NodeKind::Mac(mac) = &mut self.nodes[reader].kind
                && let Operand::Constant(Weights::Float(weights)) = &mut mac.loaded
            {
                let filters = weights.chunks_exact_mut(scales.len());
                filters.for_each(|filter| {
                    filter.iter_mut().zip(scales).for_each(|(weight, scale)| *weight *= scale);
                });
            }
        }
    }
}
