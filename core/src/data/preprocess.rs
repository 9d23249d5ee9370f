//! The text that says how pixels become the values a model was trained on.

use std::fmt;
use std::str::FromStr;

use super::DataError;
use super::pixels::Layout;

/// The presets for messages and help.
pub const PRESETS: &str = "cifar10, imagenet, mnist, fashion-mnist, none";
/// The settings for messages and help.
pub const KEYS: &str = "mean=M;M;M, std=S;S;S, scale=X, layout=nchw|nhwc, resize=N, crop=N";

/// Settings known by name. All but `None` scale 0..255 to 0..1 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// The values as they are.
    #[default]
    None,
    /// Mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225 of red, green, blue.
    Cifar10,
    /// The same, after resizing the shorter side to 256 and cropping the centre 224 x 224 of
    /// the images of a folder.
    Imagenet,
    /// Mean 0.1307, standard deviation 0.3081.
    Mnist,
    /// Mean 0.2860, standard deviation 0.3530.
    FashionMnist,
}

impl Preset {
    fn from_name(name: &str) -> Option<Preset> {
        Some(match name {
            "none" => Preset::None,
            "cifar10" => Preset::Cifar10,
            "imagenet" => Preset::Imagenet,
            "mnist" => Preset::Mnist,
            "fashion-mnist" => Preset::FashionMnist,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Preset::None => "none",
            Preset::Cifar10 => "cifar10",
            Preset::Imagenet => "imagenet",
            Preset::Mnist => "mnist",
            Preset::FashionMnist => "fashion-mnist",
        }
    }

    pub(super) fn scale(self) -> f64 {
        match self {
            Preset::None => 1.0,
            _ => 1.0 / 255.0,
        }
    }

    pub(super) fn mean(self) -> &'static [f32] {
        match self {
            Preset::None => &[0.0],
            Preset::Cifar10 | Preset::Imagenet => &[0.485, 0.456, 0.406],
            Preset::Mnist => &[0.1307],
            Preset::FashionMnist => &[0.2860],
        }
    }

    pub(super) fn std(self) -> &'static [f32] {
        match self {
            Preset::None => &[1.0],
            Preset::Cifar10 | Preset::Imagenet => &[0.229, 0.224, 0.225],
            Preset::Mnist => &[0.3081],
            Preset::FashionMnist => &[0.3530],
        }
    }

    /// Resize and crop for the images of a folder.
    pub(super) fn folder_geometry(self) -> (Option<u32>, Option<u32>) {
        match self {
            Preset::Imagenet => (Some(256), Some(224)),
            _ => (None, None),
        }
    }
}

/// A preset and what differs from it: `imagenet,crop=192` or `mean=0.5,std=0.5,scale=1/255`.
///
/// A value `v` of a channel becomes `(v * scale - mean) / std`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preprocess {
    /// The settings of what is `None` below.
    pub preset: Preset,
    /// `mean=0.5` or `mean=0.485;0.456;0.406`: one for all channels or one for each.
    pub mean: Option<Vec<f32>>,
    /// `std=0.25` or `std=0.229;0.224;0.225`: one for all channels or one for each.
    pub std: Option<Vec<f32>>,
    /// `scale=0.5` or `scale=1/255`.
    pub scale: Option<f64>,
    /// `layout=nchw` or `layout=nhwc`: what the model takes. If not given, it is `nhwc` when
    /// only the last extent of the model input is 1 or 3.
    pub layout: Option<Layout>,
    /// `resize=256`: length in pixels to which the shorter side is scaled, keeping the aspect.
    pub resize: Option<u32>,
    /// `crop=224`: side in pixels of the square cut from the centre.
    pub crop: Option<u32>,
}

impl FromStr for Preprocess {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Preprocess, DataError> {
        let mut parsed = Preprocess::default();
        for (position, item) in text.split(',').map(str::trim).enumerate() {
            let unknown = || DataError::UnknownPreprocess { text: text.into(), item: item.into() };
            let Some((key, value)) = item.split_once('=') else {
                let preset = Preset::from_name(item).filter(|_| position == 0);
                parsed.preset = preset.ok_or_else(unknown)?;
                continue;
            };
            let (accepted, expected) = match key {
                "mean" => {
                    (set(&mut parsed.mean, means(value)), "finite numbers separated by semicolons")
                }
                "std" => {
                    (set(&mut parsed.std, stds(value)), "positive numbers separated by semicolons")
                }
                "scale" => (
                    set(&mut parsed.scale, scale(value)),
                    "a positive number or a fraction such as 1/255",
                ),
                "layout" => (set(&mut parsed.layout, layout(value)), "nchw or nhwc"),
                "resize" => (set(&mut parsed.resize, side(value)), SIDE),
                "crop" => (set(&mut parsed.crop, side(value)), SIDE),
                _ => return Err(unknown()),
            };
            if !accepted {
                return Err(DataError::PreprocessValue {
                    text: text.into(),
                    item: item.into(),
                    expected,
                });
            }
        }
        Ok(parsed)
    }
}

/// Longest side of an image, in pixels.
const MAX_SIDE: u32 = 1 << 16;
const SIDE: &str = "a number of pixels from 1 to 65536";

/// Stores a parsed value; false if there is none or the key came before.
fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    if field.is_some() || value.is_none() {
        return false;
    }
    *field = value;
    true
}

fn numbers(text: &str, allowed: impl Fn(f32) -> bool) -> Option<Vec<f32>> {
    text.split(';').map(|number| number.trim().parse().ok().filter(|&v| allowed(v))).collect()
}

fn means(text: &str) -> Option<Vec<f32>> {
    numbers(text, f32::is_finite)
}

fn stds(text: &str) -> Option<Vec<f32>> {
    // A subnormal divisor could make values infinite.
    numbers(text, |std| std.is_normal() && std > 0.0)
}

fn scale(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    let numerator: f64 = numerator.trim().parse().ok()?;
    let denominator: f64 = denominator.trim().parse().ok()?;
    Some(numerator / denominator).filter(|scale| scale.is_normal() && *scale > 0.0)
}

fn layout(text: &str) -> Option<Layout> {
    match text {
        "nchw" => Some(Layout::Chw),
        "nhwc" => Some(Layout::Hwc),
        _ => None,
    }
}

fn side(text: &str) -> Option<u32> {
    let pixels = text.parse().ok()?;
    (1..=MAX_SIDE).contains(&pixels).then_some(pixels)
}

/// The preset and what differs, in the form that is parsed.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.preset.name())?;
        for (key, values) in [("mean", &self.mean), ("std", &self.std)] {
            if let Some(values) = values {
                let values: Vec<String> = values.iter().map(f32::to_string).collect();
                write!(f, ",{key}={}", values.join(";"))?;
            }
        }
        if let Some(scale) = self.scale {
            write!(f, ",scale={scale}")?;
        }
        if let Some(layout) = self.layout {
            let name = match layout {
                Layout::Chw => "nchw",
                Layout::Hwc => "nhwc",
            };
            write!(f, ",layout={name}")?;
        }
        for (key, pixels) in [("resize", self.resize), ("crop", self.crop)] {
            if let Some(pixels) = pixels {
                write!(f, ",{key}={pixels}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_keys_round_trip() {
        for text in [
            "none",
            "cifar10",
            "mnist",
            "fashion-mnist",
            "imagenet,crop=192",
            "none,mean=0.485;0.456;0.406,std=0.229;0.224;0.225,scale=0.00392156862745098",
            "cifar10,layout=nhwc,resize=36,crop=32",
        ] {
            assert_eq!(text.parse::<Preprocess>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn keys_stand_alone_in_any_order() {
        let parsed: Preprocess = "scale=1/255, std=0.25, mean=0.5, layout=nchw".parse().unwrap();
        let expected = Preprocess {
            preset: Preset::None,
            mean: Some(vec![0.5]),
            std: Some(vec![0.25]),
            scale: Some(1.0 / 255.0),
            layout: Some(Layout::Chw),
            resize: None,
            crop: None,
        };
        assert_eq!(parsed, expected);
    }

    #[test]
    fn an_unknown_name_lists_presets_and_keys() {
        for text in ["cifar11", "", "crop=3,mnist", "mnist,mnist", "none,width=3"] {
            let error = text.parse::<Preprocess>().unwrap_err();
            let message = error.to_string();
            for known in ["cifar10", "imagenet", "mnist", "fashion-mnist", "none", "crop="] {
                assert!(message.contains(known), "{message}");
            }
        }
    }

    #[test]
    fn unsuitable_values_are_refused() {
        for item in [
            "mean=",
            "mean=nan",
            "mean=0.1;;0.2",
            "std=0",
            "std=-1",
            "std=inf",
            "scale=0",
            "scale=1/0",
            "scale=-1",
            "layout=chw",
            "resize=0",
            "resize=70000",
            "crop=2.5",
        ] {
            let error = format!("cifar10,{item}").parse::<Preprocess>().unwrap_err();
            assert!(matches!(error, DataError::PreprocessValue { .. }), "{item}");
            assert!(error.to_string().contains(item), "{error}");
        }
        assert!("crop=3,crop=4".parse::<Preprocess>().is_err());
    }
}
