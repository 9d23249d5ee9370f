//! The codes that an array would stream are those that the layers multiply.

use recoup_core::emulate::{Workspace, activation_streams};
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::Unwatched;
use recoup_kernels::{Isa, MacLayer, Scratch};

use crate::{experiment, fashion};

#[test]
fn streams_sum_to_what_the_kernels_sum() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 4);
    let candidate = experiment::candidate(&experiment, "exact", "none");
    let (images, _) = fashion::images("test-2000", 2);
    let streams = activation_streams(&candidate.network, &images, 50, &Unwatched).unwrap();
    let square: [i32; 256] = std::array::from_fn(|code| (code * code) as i32);
    let mut compared = 0;
    for (index, image) in images.iter().enumerate() {
        let mut scratch = Scratch::default();
        let observe = |layer: usize, kernel: &MacLayer, codes: &[u8]| {
            let shape = kernel.spec().shape;
            let mut sums = vec![0; shape.positions() * shape.groups];
            kernel.position_sums(&square, codes, &mut scratch, &mut sums);
            let (stream, kept) = (&streams[layer], shape.positions().min(50));
            assert_eq!((stream.depth, stream.positions), (shape.depth(), 2 * kept));
            for group in 0..shape.groups {
                for position in 0..kept {
                    let codes = stream.position(group, index * kept + position);
                    let sum: i32 = codes.iter().map(|&code| square[usize::from(code)]).sum();
                    assert_eq!(sum, sums[position * shape.groups + group], "layer {layer}");
                    compared += 1;
                }
            }
        };
        candidate.network.run_observed(image, &mut Workspace::default(), observe).unwrap();
    }
    assert!(compared > 500, "{compared}");
}
