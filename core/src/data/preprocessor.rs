//! Preprocessing bound to the images of a data set and the input of a model.

use super::DataError;
use super::pixels::{Image, ImageInfo, ImageShape, Layout, Pixels};
use super::preprocess::Preprocess;
use super::resize::{cover, crop_centre, resample, shorter_side_to};

/// Turns images into model inputs.
#[derive(Debug, Clone)]
pub struct Preprocessor {
    /// Shape of the model input.
    target: ImageShape,
    layout: Layout,
    scaling: Scaling,
    scale: f64,
    /// One for each channel of the model.
    mean: Vec<f32>,
    std: Vec<f32>,
    /// The result for each 8-bit value, by channel.
    tables: Vec<[f32; 256]>,
}

/// What happens to the size of an image before the centre is cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scaling {
    /// Nothing, and nothing is cut: the image has the size of the model input.
    Exact,
    /// Nothing.
    Keep,
    /// The shorter side is scaled to this many pixels.
    ShorterSide(u32),
    /// The image is scaled until it just covers the model input.
    Cover,
}

impl Preprocessor {
    /// Binds a preprocessing to `images` and to a model whose input, without the batch, is
    /// `input`: C x H x W, H x W x C, H x W (one channel) or a flat length, which takes images
    /// of one size as they lie in C x H x W order (H x W x C with `layout=nhwc`).
    ///
    /// Grey images are repeated for every channel of the model. Images of one size must have
    /// the size of the model input, unless `resize` or `crop` are given explicitly. Those of a
    /// folder are resized and cropped as the preset says; by default they are scaled to just
    /// cover the model input. What is larger is cropped to its centre in both cases.
    pub fn new(
        preprocess: &Preprocess,
        images: &ImageInfo,
        input: &[usize],
    ) -> Result<Preprocessor, DataError> {
        let (target, layout) = target_of(preprocess.layout, images, input)?;
        let scaling = scaling_of(preprocess, images, target)?;
        if let Some(shape) = images.shape {
            check_channels(shape, target)?;
            scaled_size(scaling, shape, target)?;
        }
        let preset = preprocess.preset;
        if !images.eight_bit && preprocess.scale.is_none() && preset.scale() != 1.0 {
            return Err(DataError::ScaleUnknown);
        }
        let mean = preprocess.mean.as_deref().unwrap_or(preset.mean());
        let std = preprocess.std.as_deref().unwrap_or(preset.std());
        let mut preprocessor = Preprocessor {
            target,
            layout,
            scaling,
            scale: preprocess.scale.unwrap_or(preset.scale()),
            mean: by_channel("mean", mean, target.channels)?,
            std: by_channel("std", std, target.channels)?,
            tables: Vec::new(),
        };
        preprocessor.tables = (0..target.channels)
            .map(|channel| {
                std::array::from_fn(|value| preprocessor.normalise(value as f32, channel))
            })
            .collect();
        Ok(preprocessor)
    }

    /// Number of values of a model input.
    pub fn elements(&self) -> usize {
        self.target.elements()
    }

    /// Order of the axes of a model input.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Writes the model input made of an image to `out`, in the model's layout.
    ///
    /// # Panics
    /// If `out` does not have [`elements`](Self::elements) values.
    pub fn apply(&self, image: &Image, out: &mut [f32]) -> Result<(), DataError> {
        assert_eq!(out.len(), self.elements(), "length of the model input");
        check_channels(image.shape, self.target)?;
        let size = scaled_size(self.scaling, image.shape, self.target)?;
        let wanted = size_of(self.target);
        if size == wanted && size == size_of(image.shape) {
            self.write(image, out);
        } else {
            self.write(&crop_centre(&resample(image, size), wanted), out);
        }
        Ok(())
    }

    /// Normalises an image of the model's height and width.
    fn write(&self, image: &Image, out: &mut [f32]) {
        let [mut from_channel, from_row, from_column] = image.layout.strides(image.shape);
        if image.shape.channels < self.target.channels {
            // Grey: every channel of the model reads the only one.
            from_channel = 0;
        }
        let [to_channel, to_row, to_column] = self.layout.strides(self.target);
        for channel in 0..self.target.channels {
            for row in 0..self.target.height {
                let from = channel * from_channel + row * from_row;
                let to = channel * to_channel + row * to_row;
                for column in 0..self.target.width {
                    let at = from + column * from_column;
                    out[to + column * to_column] = match &image.pixels {
                        Pixels::U8(values) => self.tables[channel][usize::from(values[at])],
                        Pixels::F32(values) => self.normalise(values[at], channel),
                    };
                }
            }
        }
    }

    /// `(value * scale - mean) / std`. The product is rounded once from f64, so that a scale of
    /// 1/255 gives the quotient value / 255 correctly rounded, as a training script has it.
    fn normalise(&self, value: f32, channel: usize) -> f32 {
        let scaled = (f64::from(value) * self.scale) as f32;
        (scaled - self.mean[channel]) / self.std[channel]
    }
}

/// The model input as an image, and its layout.
fn target_of(
    layout: Option<Layout>,
    images: &ImageInfo,
    input: &[usize],
) -> Result<(ImageShape, Layout), DataError> {
    let is_channels = |extent| extent == 1 || extent == 3;
    let inferred = match *input {
        [first, _, last] if is_channels(last) && !is_channels(first) => Layout::Hwc,
        _ => Layout::Chw,
    };
    let layout = layout.unwrap_or(inferred);
    let [channels, height, width] = match *input {
        [elements] => match images.shape {
            Some(shape) if shape.elements() == elements => return Ok((shape, layout)),
            Some(_) => [1, 1, elements],
            None => return Err(DataError::FlatInput { elements }),
        },
        [height, width] => [1, height, width],
        [height, width, channels] if layout == Layout::Hwc => [channels, height, width],
        [channels, height, width] => [channels, height, width],
        _ => [0; 3],
    };
    let target = ImageShape { channels, height, width };
    match target.elements() {
        0 => Err(DataError::ModelInput { input: input.to_vec() }),
        _ => Ok((target, layout)),
    }
}

fn scaling_of(
    preprocess: &Preprocess,
    images: &ImageInfo,
    target: ImageShape,
) -> Result<Scaling, DataError> {
    let (preset_resize, preset_crop) = match images.shape {
        None => preprocess.preset.folder_geometry(),
        Some(_) => (None, None),
    };
    let resize = preprocess.resize.or(preset_resize);
    if let Some(crop) = preprocess.crop.or(preset_crop)
        && [crop as usize; 2] != size_of(target)
    {
        let remedy = match (preset_resize, target.height == target.width) {
            (_, false) => "crop is a square; leave it out, with a preset that has none".into(),
            (None, true) => format!("write crop={}", target.height),
            // The same part of the image as with the sizes of the preset.
            (Some(preset_resize), true) => {
                let resize = (target.height * preset_resize as usize).div_ceil(crop as usize);
                format!("add crop={},resize={resize}", target.height)
            }
        };
        return Err(DataError::Geometry { item: "crop", pixels: crop, expected: target, remedy });
    }
    Ok(match (resize, preprocess.crop, images.shape) {
        (Some(pixels), _, _) => {
            if (pixels as usize) < target.height.min(target.width) {
                return Err(too_small(pixels, target));
            }
            Scaling::ShorterSide(pixels)
        }
        (None, Some(_), _) => Scaling::Keep,
        (None, None, None) => Scaling::Cover,
        (None, None, Some(_)) => Scaling::Exact,
    })
}

/// Most pixels of a scaled image: far more than any model takes, little enough to allocate.
const MAX_SCALED_PIXELS: usize = 1 << 26;

/// Height and width of an image once scaled, checked to cover the model input.
fn scaled_size(
    scaling: Scaling,
    shape: ImageShape,
    target: ImageShape,
) -> Result<[usize; 2], DataError> {
    let wrong_size =
        |remedy: String| DataError::ImageSize { found: shape, expected: target, remedy };
    let covers = |size: [usize; 2]| size[0] >= target.height && size[1] >= target.width;
    let shorter = target.height.min(target.width);
    let size = match scaling {
        Scaling::Exact if size_of(shape) == size_of(target) => size_of(shape),
        Scaling::Exact if shape.height == 1 && shape.elements() == target.elements() => {
            return Err(wrong_size("reshape the images to N x C x H x W".into()));
        }
        Scaling::Exact if covers(size_of(shape)) && target.height == target.width => {
            return Err(wrong_size(format!(
                "add crop={shorter} to cut the centre out or resize={shorter} to scale"
            )));
        }
        Scaling::Exact => return Err(wrong_size(format!("add resize={shorter} to scale"))),
        Scaling::Keep if covers(size_of(shape)) => size_of(shape),
        Scaling::Keep => return Err(wrong_size(format!("add resize={shorter} to scale first"))),
        Scaling::ShorterSide(pixels) => {
            let size = shorter_side_to(shape, pixels as usize);
            if !covers(size) {
                return Err(too_small(pixels, target));
            }
            size
        }
        Scaling::Cover => cover(shape, size_of(target)),
    };
    if size[0] * size[1] > MAX_SCALED_PIXELS {
        let remedy = "its sides are too unequal to be scaled; remove it";
        return Err(wrong_size(remedy.into()));
    }
    Ok(size)
}

fn too_small(pixels: u32, target: ImageShape) -> DataError {
    DataError::Geometry {
        item: "resize",
        pixels,
        expected: target,
        remedy: format!("write at least resize={}", target.height.max(target.width)),
    }
}

fn size_of(shape: ImageShape) -> [usize; 2] {
    [shape.height, shape.width]
}

fn check_channels(shape: ImageShape, target: ImageShape) -> Result<(), DataError> {
    if shape.channels == target.channels || shape.channels == 1 {
        return Ok(());
    }
    Err(DataError::Channels { found: shape.channels, expected: target.channels })
}

/// One value for every channel.
fn by_channel(
    statistic: &'static str,
    values: &[f32],
    channels: usize,
) -> Result<Vec<f32>, DataError> {
    match values {
        [value] => Ok(vec![*value; channels]),
        _ if values.len() == channels => Ok(values.to_vec()),
        _ => Err(DataError::StatisticChannels { statistic, values: values.len(), channels }),
    }
}

#[cfg(test)]
mod tests;
