//! The activation codes in the order in which an array streams them.

use rayon::prelude::*;
use recoup_kernels::naive;

use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::network::Network;
use super::workspace::Workspace;

/// The codes that one layer multiplies: for each group and output position the k codes of its
/// receptive field, in the order of the layer's weights; padding is the zero point that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationStream {
    /// Products per output, k.
    pub depth: usize,
    /// Positions, of all images one after the other.
    pub positions: usize,
    /// Codes, `[group][position][depth]`.
    pub codes: Vec<u8>,
    /// The weight bytes that the first image brings, `[group][filter][depth]`, for a layer that each
    /// image brings its own: other images' are alike in what they cost. Empty for other layers.
    pub loaded: Vec<u8>,
}

impl ActivationStream {
    /// The codes of one position.
    pub fn position(&self, group: usize, position: usize) -> &[u8] {
        let start = (group * self.positions + position) * self.depth;
        &self.codes[start..start + self.depth]
    }
}

/// Runs `network` on `images` and keeps what its layers multiply: of each image and layer the
/// positions from the first on, but at most `most` per image.
///
/// # Errors
/// When an operator in float does not take the values of an image, or `watch` stops it.
pub fn activation_streams(
    network: &Network,
    images: &[Vec<f32>],
    most: usize,
    watch: &dyn Watch,
) -> Result<Vec<ActivationStream>, EmulateError> {
    let prepared = &network.prepared;
    let macs = &prepared.quantized.macs;
    // Codes and what was loaded, by layer.
    type OfImage = (Vec<Vec<u8>>, Vec<Vec<u8>>);
    let mut of_images: Vec<OfImage> = images
        .par_iter()
        .enumerate()
        .map(|(number, image)| {
            go_on(watch)?;
            let mut workspace = Workspace::default();
            let (mut layers, mut loaded) =
                (vec![Vec::new(); macs.len()], vec![Vec::new(); macs.len()]);
            network.run_observed(image, &mut workspace, |layer, kernel, codes| {
                let mac = &macs[layer];
                if number == 0 && mac.load.is_some() {
                    loaded[layer] = kernel.spec().weights.to_vec();
                }
                let zero_point = prepared.quantized.mac_input(mac).1.zero_point;
                for group in 0..mac.shape.groups {
                    for position in 0..mac.shape.positions().min(most) {
                        layers[layer].extend(naive::receptive_field(
                            &mac.shape, zero_point, codes, position, group,
                        ));
                    }
                }
            })?;
            Ok((layers, loaded))
        })
        .collect::<Result<_, EmulateError>>()?;
    let first = of_images.first_mut().map(|(_, loaded)| std::mem::take(loaded));
    let first = first.unwrap_or_else(|| vec![Vec::new(); macs.len()]);
    let streams = macs.iter().zip(first).enumerate().map(|(layer, (mac, loaded))| {
        let (depth, groups) = (mac.shape.depth(), mac.shape.groups);
        let kept = mac.shape.positions().min(most);
        let mut codes = Vec::with_capacity(images.len() * groups * kept * depth);
        for group in 0..groups {
            for (image, _) in &of_images {
                let start = group * kept * depth;
                codes.extend_from_slice(&image[layer][start..start + kept * depth]);
            }
        }
        ActivationStream { depth, positions: images.len() * kept, codes, loaded }
    });
    Ok(streams.collect())
}
