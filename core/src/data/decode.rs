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

use std::io::{Cursor, Read};
use std::path::Path;

use png::{BitDepth, ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::DataError;
use super::pixels::{Image, ImageShape, Layout, Pixels};
use super::store::open_file;

/// Largest image, as the JPEG decoder has it by itself: what is larger is no input of a network.
const MOST_PIXELS: u64 = 1 << 28;

type Decoded = Result<Image, Box<dyn std::error::Error + Send + Sync>>;

/// Decodes the image in a file, whose content tells the format.
pub(super) fn read(path: &Path) -> Result<Image, DataError> {
    let (mut file, _) = open_file(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|source| DataError::open(path, source))?;
    let decoded = match bytes.starts_with(b"\x89PNG") {
        true => png(&bytes),
        false => jpeg(&bytes),
    };
    decoded.map_err(|source| DataError::Decode { path: path.into(), source })
}

fn png(bytes: &[u8]) -> Decoded {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    let header = decoder.read_header_info()?;
    let (width, height) = (header.width, header.height);
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(
            format!("it has {width} x {height} pixels, at most {MOST_PIXELS} are read").into()
        );
    }
    let clipped =
        (header.color_type, header.bit_depth) == (ColorType::Grayscale, BitDepth::Sixteen);
    let narrow = if clipped { Transformations::empty() } else { Transformations::STRIP_16 };
    decoder.set_transformations(Transformations::EXPAND | narrow);
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().ok_or("it is too large for memory")?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples)?;
    samples.truncate(frame.buffer_size());
    if clipped {
        // Big-endian; whatever is above 255 becomes 255.
        let cut = |pair: &[u8]| if pair[0] > 0 { 255 } else { pair[1] };
        samples = samples.chunks_exact(2).map(cut).collect();
    }
    let all = frame.color_type.samples();
    let channels = if all < 3 { 1 } else { 3 };
    Ok(eight_bit(width as usize, height as usize, channels, without_alpha(samples, all, channels)))
}

/// The first `channels` of `all` samples of each pixel.
fn without_alpha(samples: Vec<u8>, all: usize, channels: usize) -> Vec<u8> {
    if all == channels {
        return samples;
    }
    samples.chunks_exact(all).flat_map(|pixel| pixel[..channels].iter().copied()).collect()
}

fn jpeg(bytes: &[u8]) -> Decoded {
    let options = DecoderOptions::default().set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers()?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let target = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(target));
    let samples = decoder.decode()?;
    let (width, height) = decoder.dimensions().ok_or("it has no size")?;
    Ok(eight_bit(width, height, if grey { 1 } else { 3 }, samples))
}

fn eight_bit(width: usize, height: usize, channels: usize, samples: Vec<u8>) -> Image {
    Image {
        shape: ImageShape { channels, height, width },
        layout: Layout::Hwc,
        pixels: Pixels::U8(samples),
    }
}

#[cfg(test)]
mod tests;
