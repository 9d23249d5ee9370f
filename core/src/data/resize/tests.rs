use super::*;

fn grey(height: usize, width: usize, values: &[u8]) -> Image {
    Image {
        shape: ImageShape { channels: 1, height, width },
        layout: Layout::Chw,
        pixels: Pixels::U8(values.to_vec()),
    }
}

fn as_f32(image: &Image) -> Image {
    let Pixels::U8(values) = &image.pixels else { panic!("not 8-bit") };
    Image {
        pixels: Pixels::F32(values.iter().map(|&value| value.into()).collect()),
        ..image.clone()
    }
}

#[test]
fn the_shorter_side_is_scaled_and_the_longer_rounded_down() {
    let shape = |height, width| ImageShape { channels: 3, height, width };
    assert_eq!(shorter_side_to(shape(375, 500), 256), [256, 341]);
    assert_eq!(shorter_side_to(shape(500, 375), 256), [341, 256]);
    assert_eq!(shorter_side_to(shape(10, 10), 3), [3, 3]);
}

#[test]
fn covering_is_tight_on_one_side() {
    for height in 1..12 {
        for width in 1..12 {
            let shape = ImageShape { channels: 1, height, width };
            for wanted in [[4, 4], [3, 7], [7, 3], [1, 9]] {
                let size = cover(shape, wanted);
                assert!(size[0] >= wanted[0] && size[1] >= wanted[1]);
                assert!(size[0] == wanted[0] || size[1] == wanted[1]);
            }
        }
    }
}

#[test]
fn halving_weighs_the_neighbours_too() {
    // The triangle has 4 pixels of weights 1, 3, 3, 1; at the edge 3, 3, 1.
    let image = as_f32(&grey(1, 6, &[0, 70, 140, 7, 80, 40]));
    let found = resample(&image, [1, 3]).pixels;
    let expected = vec![
        (3.0 * 0.0 + 3.0 * 70.0 + 140.0) / 7.0,
        (70.0 + 3.0 * 140.0 + 3.0 * 7.0 + 80.0) / 8.0,
        (7.0 + 3.0 * 80.0 + 3.0 * 40.0) / 7.0,
    ];
    assert_eq!(found, Pixels::F32(expected));
}

#[test]
fn doubling_interpolates() {
    let image = grey(1, 2, &[0, 100]);
    let found = resample(&image, [1, 4]).pixels;
    assert_eq!(found, Pixels::U8(vec![0, 25, 75, 100]));
    let tall = resample(&grey(2, 1, &[0, 100]), [4, 1]).pixels;
    assert_eq!(tall, Pixels::U8(vec![0, 25, 75, 100]));
}

#[test]
fn a_single_colour_stays() {
    for (height, width) in [(1, 1), (3, 5), (7, 2), (40, 33)] {
        let image = grey(height, width, &vec![201; height * width]);
        for size in [[1, 1], [2, 9], [16, 16]] {
            let found = resample(&image, size);
            assert_eq!(found.pixels, Pixels::U8(vec![201; size[0] * size[1]]));
        }
    }
}

/// Pixels (37 x row + 91 x column + 13 x row x column) mod 256 of a 7 x 9 image, scaled to
/// 4 x 5 and to 11 x 12 by Pillow 13 with `Image.resize(.., Image.BILINEAR)`.
#[test]
fn agrees_with_pillow() {
    let values: Vec<u8> = (0..63)
        .map(|i| (i / 9, i % 9))
        .map(|(row, column)| (37 * row + 91 * column + 13 * row * column) as u8)
        .collect();
    let image = grey(7, 9, &values);
    let down: [u8; 20] = [
        74, 141, 120, 116, 167, 130, 146, 124, 118, 176, 129, 147, 147, 173, 129, 158, 144, 118,
        151, 132,
    ];
    assert_eq!(resample(&image, [4, 5]).pixels, Pixels::U8(down.to_vec()));
    let up: [u8; 132] = [
        0, 57, 125, 161, 38, 74, 142, 178, 55, 91, 159, 216, 17, 77, 150, 191, 72, 112, 141, 123,
        92, 147, 176, 164, 40, 106, 176, 212, 116, 151, 134, 65, 126, 202, 194, 114, 64, 135, 150,
        110, 143, 103, 92, 110, 55, 117, 176, 204, 87, 163, 159, 90, 181, 113, 108, 167, 66, 126,
        182, 200, 111, 192, 194, 131, 229, 166, 168, 233, 139, 204, 206, 127, 135, 119, 127, 152,
        134, 158, 167, 157, 191, 180, 128, 54, 158, 90, 104, 182, 99, 134, 148, 133, 190, 175, 119,
        50, 182, 119, 139, 223, 147, 86, 106, 178, 120, 192, 204, 140, 205, 148, 121, 142, 177,
        125, 98, 119, 154, 175, 148, 90, 222, 168, 102, 69, 196, 163, 97, 64, 191, 158, 92, 38,
    ];
    assert_eq!(resample(&image, [11, 12]).pixels, Pixels::U8(up.to_vec()));
}

#[test]
fn both_layouts_scale_alike() {
    let values: Vec<u8> = (0..2 * 3 * 4).map(|i| i * 10).collect();
    let shape = ImageShape { channels: 2, height: 3, width: 4 };
    let chw = Image { shape, layout: Layout::Chw, pixels: Pixels::U8(values.clone()) };
    let interleaved = (0..12).flat_map(|i| [values[i], values[12 + i]]).collect();
    let hwc = Image { layout: Layout::Hwc, pixels: Pixels::U8(interleaved), ..chw.clone() };
    assert_eq!(resample(&chw, [2, 5]), resample(&hwc, [2, 5]));
    assert_eq!(crop_centre(&chw, [1, 2]), crop_centre(&hwc, [1, 2]));
}

#[test]
fn the_crop_is_central_with_ties_to_even() {
    let row: Vec<u8> = (0..10).collect();
    for (width, first) in [(10, 0), (8, 1), (9, 0), (7, 2), (5, 2), (3, 4)] {
        let found = crop_centre(&grey(1, 10, &row), [1, width]).pixels;
        assert_eq!(found, Pixels::U8((first..first + width as u8).collect()));
    }
}
