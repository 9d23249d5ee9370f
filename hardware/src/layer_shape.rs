//! What a layer asks of an array: its sizes, and the passes that they take.

use recoup_core::model::{Graph, LoadedOperand};
use recoup_kernels::ConvShape;

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Products per output, k.
    pub depth: usize,
    /// Groups, which go through the array one after the other.
    pub groups: usize,
    /// Filters of a group, F.
    pub filters: usize,
    /// Positions per image, P.
    pub positions: usize,
}

impl From<&ConvShape> for LayerShape {
    fn from(shape: &ConvShape) -> Self {
        Self {
            depth: shape.depth(),
            groups: shape.groups,
            filters: shape.filters_per_group(),
            positions: shape.positions(),
        }
    }
}

impl LayerShape {
    /// The same of a product of two activations whose operands are exchanged: what streamed is loaded.
    #[must_use]
    pub fn exchanged(self) -> Self {
        Self { filters: self.positions, positions: self.filters, ..self }
    }

    /// Products per image.
    pub fn macs(&self) -> u64 {
        (self.positions * self.depth * self.filters * self.groups) as u64
    }

    /// Row tiles, of arrays with `rows` rows.
    pub fn tiles(&self, rows: usize) -> usize {
        self.depth.div_ceil(rows)
    }

    /// Times that weights are loaded per image.
    pub fn passes(&self, rows: usize, columns: usize) -> u64 {
        (self.groups * self.tiles(rows) * self.filters.div_ceil(columns)) as u64
    }

    /// Clock cycles per image in which an array computes, without filling and loading.
    pub fn cycles(&self, rows: usize, columns: usize) -> u64 {
        self.positions as u64 * self.passes(rows, columns)
    }

    /// Share of the rows that hold a product of the layer, over all its passes.
    pub fn rows_used(&self, rows: usize) -> f64 {
        self.depth as f64 / (self.tiles(rows) * rows) as f64
    }

    /// Share of the columns that hold a filter of the layer, over all its passes.
    pub fn columns_used(&self, columns: usize) -> f64 {
        self.filters as f64 / (self.filters.div_ceil(columns) * columns) as f64
    }

    /// Share of the PEs that compute something.
    pub fn utilisation(&self, rows: usize, columns: usize) -> f64 {
        self.rows_used(rows) * self.columns_used(columns)
    }
}

/// A layer by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The node's name.
    pub name: String,
    /// Its sizes.
    pub shape: LayerShape,
    /// Whether its products are exact whatever the others run on, as those of attention may be: then
    /// it runs on the exact array beside the others'.
    pub exact: bool,
    /// Which operand it is loaded with, if both are activations.
    pub loaded_operand: Option<LoadedOperand>,
}

impl Layer {
    /// The layers of a network that run on the multipliers, in their order.
    pub fn of_graph(graph: &Graph) -> Vec<Self> {
        let layers = graph.macs().map(|(node, mac)| Self {
            name: node.name.clone(),
            shape: LayerShape::from(&mac.shape),
            exact: graph.has_exact_products(mac),
            loaded_operand: mac.loaded_operand(),
        });
        layers.collect()
    }

    /// The same layers, of which those with these names load their first operand, and others their
    /// second.
    pub fn loading(layers: &[Self], first: &[String]) -> Vec<Self> {
        let load = |layer: &Self| match layer.loaded_operand {
            Some(operand) if (operand == LoadedOperand::First) != first.contains(&layer.name) => {
                let loaded_operand = Some(operand.other());
                Self { shape: layer.shape.exchanged(), loaded_operand, ..layer.clone() }
            }
            _ => layer.clone(),
        };
        layers.iter().map(load).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_and_shares_by_hand() {
        // 3 x 3 x 16 products, 24 filters: on 64 x 16 three row tiles and two column tiles.
        let shape = LayerShape { depth: 144, groups: 1, filters: 24, positions: 100 };
        assert_eq!((shape.tiles(64), shape.passes(64, 16), shape.cycles(64, 16)), (3, 6, 600));
        assert_eq!((shape.rows_used(64), shape.columns_used(16)), (0.75, 0.75));
        assert_eq!(shape.macs() as f64, 600.0 * 64.0 * 16.0 * shape.utilisation(64, 16));
        let depthwise = LayerShape { depth: 9, groups: 32, filters: 1, positions: 49 };
        assert_eq!((depthwise.passes(64, 64), depthwise.macs()), (32, 9 * 32 * 49));
    }

    #[test]
    fn what_is_loaded_changes_passes_but_not_products() {
        // 50 queries, of 24 channels, with 100 keys in each of four heads.
        let shape = LayerShape { depth: 24, groups: 4, filters: 100, positions: 50 };
        let layer = |name: &str, loaded_operand| Layer {
            name: name.into(),
            shape,
            exact: false,
            loaded_operand,
        };
        let layers = [layer("qkv", None), layer("keys", Some(LoadedOperand::Second))];
        let first = Layer::loading(&layers, &["keys".into()]);
        let queries = LayerShape { filters: 50, positions: 100, ..shape };
        assert_eq!([first[0].shape, first[1].shape], [shape, queries]);
        assert_eq!(first[1].loaded_operand, Some(LoadedOperand::First));
        assert_eq!(queries.macs(), shape.macs());
        assert_eq!([shape, queries].map(|it| it.passes(64, 64)), [8, 4]);
        assert_eq!(Layer::loading(&first, &[]), layers);
    }
}
