//! A PNG or JPEG file as Pillow reads it: the values of `Image.open(file).convert("RGB")`.
//!
//! Networks are trained on what Pillow (torchvision) makes of a file, so this follows it where
//! formats leave a choice:
//!
//! - Of 16 bits the upper 8 are taken, but for 16-bit grey without alpha, whose values are cut
//!   off at 255 (Pillow 13; anything beyond is white).
//! - Alpha and transparent colours are dropped, palettes resolved, 1, 2 and 4 bits spread over 0
//!   to 255.
//! - JPEG is lossy and decoders round: values can differ by 2, or by 3 where colours are stored
//!   at half the size.
//! - CMYK and YCCK of a JPEG are taken as inverted, as Adobe writes them.
//! - EXIF orientation, gamma and colour profiles are ignored.
//!
//! A grey file becomes one channel; Pillow's three would be equal.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageReader, Pixel};

use super::DataError;
use super::pixels::{Image, ImageShape, Layout, Pixels};
use super::store::open_file;

/// Decodes the image in a file, whose content tells the format.
pub(super) fn read(path: &Path) -> Result<Image, DataError> {
    let decode_error = |source| DataError::Decode { path: path.into(), source: Box::new(source) };
    let open_error = |source| DataError::open(path, source);
    let (file, _) = open_file(path)?;
    let mut file = BufReader::new(file);
    let clipped = is_deep_grey(&mut file);
    file.rewind().map_err(open_error)?;
    let reader = ImageReader::new(file).with_guessed_format().map_err(open_error)?;
    Ok(eight_bit(reader.decode().map_err(decode_error)?, clipped))
}

/// Whether a file is a PNG of 16-bit grey without alpha; damage is found when it is decoded.
fn is_deep_grey(file: &mut BufReader<File>) -> bool {
    let kind = (png::ColorType::Grayscale, png::BitDepth::Sixteen);
    let mut decoder = png::Decoder::new(file);
    decoder.read_header_info().is_ok_and(|info| (info.color_type, info.bit_depth) == kind)
}

/// Grey or RGB of 8 bits. Samples of 16 are cut off at 255 if `clipped`.
fn eight_bit(decoded: DynamicImage, clipped: bool) -> Image {
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let channels = if decoded.color().has_color() { 3 } else { 1 };
    let narrow = |sample: u16| match clipped {
        true => sample.min(255) as u8,
        false => (sample >> 8) as u8,
    };
    let pixels = match decoded {
        DynamicImage::ImageLuma16(image) => first_channels(&image, channels, narrow),
        DynamicImage::ImageLumaA16(image) => first_channels(&image, channels, narrow),
        DynamicImage::ImageRgb16(image) => first_channels(&image, channels, narrow),
        DynamicImage::ImageRgba16(image) => first_channels(&image, channels, narrow),
        decoded if channels == 3 => decoded.into_rgb8().into_raw(),
        decoded => decoded.into_luma8().into_raw(),
    };
    Image {
        shape: ImageShape { channels, height, width },
        layout: Layout::Hwc,
        pixels: Pixels::U8(pixels),
    }
}

/// The colours of 16-bit pixels without their alpha, narrowed.
fn first_channels<P: Pixel<Subpixel = u16>>(
    image: &ImageBuffer<P, Vec<u16>>,
    channels: usize,
    narrow: impl Fn(u16) -> u8,
) -> Vec<u8> {
    let colours = image.pixels().flat_map(|pixel| &pixel.channels()[..channels]);
    colours.map(|&sample| narrow(sample)).collect()
}

#[cfg(test)]
mod tests;
