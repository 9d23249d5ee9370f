use super::*;

fn shape(channels: usize, height: usize, width: usize) -> ImageShape {
    ImageShape { channels, height, width }
}

/// An image of which value `i` in the layout's order is `i`.
fn counting(shape: ImageShape, layout: Layout) -> Image {
    Image {
        shape,
        layout,
        pixels: Pixels::U8((0..shape.elements()).map(|value| value as u8).collect()),
    }
}

fn fixed(shape: ImageShape) -> ImageInfo {
    ImageInfo { shape: Some(shape), eight_bit: true }
}

const FOLDER: ImageInfo = ImageInfo { shape: None, eight_bit: true };

fn bind(text: &str, images: &ImageInfo, input: &[usize]) -> Result<Preprocessor, DataError> {
    Preprocessor::new(&text.parse().unwrap(), images, input)
}

fn apply(text: &str, image: &Image, input: &[usize]) -> Vec<f32> {
    let preprocessor = bind(text, &fixed(image.shape), input).unwrap();
    let mut out = vec![f32::NAN; preprocessor.elements()];
    preprocessor.apply(image, &mut out).unwrap();
    out
}

#[track_caller]
fn assert_refused(result: Result<Preprocessor, DataError>, parts: &[&str]) {
    let message = result.unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn a_preset_gives_the_values_of_a_training_script() {
    let image = Image {
        shape: shape(3, 1, 256),
        layout: Layout::Chw,
        pixels: Pixels::U8((0..3).flat_map(|_| 0..=255).collect()),
    };
    let found = apply("cifar10", &image, &[3, 1, 256]);
    for (channel, (mean, std)) in
        [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)].into_iter().enumerate()
    {
        for value in 0..256 {
            let expected = (value as f32 / 255.0 - mean) / std;
            assert_eq!(found[channel * 256 + value], expected, "{value}");
        }
    }
}

#[test]
fn grey_presets_apply_to_every_channel() {
    let grey = counting(shape(1, 1, 2), Layout::Chw);
    for (preset, mean, std) in [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)] {
        let dark = -mean / std;
        let light = (1.0f32 / 255.0 - mean) / std;
        assert_eq!(apply(preset, &grey, &[1, 1, 2]), [dark, light]);
        let repeated = [dark, light, dark, light, dark, light];
        assert_eq!(apply(preset, &grey, &[3, 1, 2]), repeated);
    }
}

#[test]
fn explicit_values_override_the_preset() {
    let image = counting(shape(1, 1, 2), Layout::Chw);
    assert_eq!(apply("none", &image, &[1, 1, 2]), [0.0, 1.0]);
    assert_eq!(apply("mnist,mean=0,std=1,scale=3", &image, &[1, 1, 2]), [0.0, 3.0]);
    let two = apply("mean=1;2,std=2;4", &image, &[2, 1, 2]);
    assert_eq!(two, [-0.5, 0.0, -0.5, -0.25]);
}

#[test]
fn layouts_convert_both_ways() {
    let chw = counting(shape(3, 2, 2), Layout::Chw);
    let hwc = counting(shape(3, 2, 2), Layout::Hwc);
    let straight: Vec<f32> = (0..12u8).map(f32::from).collect();
    let interleaved = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(|v: u8| f32::from(v));
    let planes = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].map(|v: u8| f32::from(v));
    assert_eq!(apply("none", &chw, &[3, 2, 2]), straight);
    assert_eq!(apply("none", &chw, &[2, 2, 3]), interleaved);
    assert_eq!(apply("none", &hwc, &[3, 2, 2]), planes);
    assert_eq!(apply("none", &hwc, &[2, 2, 3]), straight);
}

#[test]
fn the_layout_is_inferred_or_given() {
    let layout = |text, images: ImageShape, input: &[usize]| {
        bind(text, &fixed(images), input).unwrap().layout()
    };
    assert_eq!(layout("none", shape(3, 3, 3), &[3, 3, 3]), Layout::Chw);
    assert_eq!(layout("none", shape(1, 28, 28), &[28, 28, 1]), Layout::Hwc);
    let given = layout("layout=nhwc", shape(3, 3, 3), &[3, 3, 3]);
    assert_eq!(given, Layout::Hwc);
    assert_refused(
        bind("layout=nhwc", &fixed(shape(3, 32, 32)), &[3, 32, 32]),
        &["3 channels", "32 channels"],
    );
}

#[test]
fn inputs_without_channels_take_grey_or_flat_images() {
    let grey = counting(shape(1, 2, 3), Layout::Chw);
    let straight: Vec<f32> = (0..6u8).map(f32::from).collect();
    assert_eq!(apply("none", &grey, &[2, 3]), straight);
    assert_eq!(apply("none", &grey, &[6]), straight);
    let hwc = counting(shape(3, 1, 2), Layout::Hwc);
    assert_eq!(apply("none", &hwc, &[6]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(apply("layout=nhwc", &hwc, &[6]), straight);
    assert_refused(bind("none", &FOLDER, &[6]), &["6 values", "npz"]);
}

#[test]
fn inputs_that_are_no_images_are_refused() {
    for input in [&[][..], &[0, 4], &[3, 0, 32], &[1, 3, 32, 32]] {
        assert_refused(bind("none", &FOLDER, input), &["no image"]);
    }
}

#[test]
fn channels_must_match_or_be_grey() {
    let rgb = fixed(shape(3, 28, 28));
    assert_refused(bind("none", &rgb, &[1, 28, 28]), &["3 channels", "to grey"]);
    let grey = fixed(shape(1, 28, 28));
    assert_refused(
        bind("cifar10", &grey, &[1, 28, 28]),
        &["3 values of mean", "1 channels", "mean=0.5"],
    );
    assert_refused(bind("cifar10,mean=0.5", &grey, &[1, 28, 28]), &["3 values of std"]);
    let preprocessor = bind("none", &FOLDER, &[1, 2, 2]).unwrap();
    let error = preprocessor.apply(&counting(shape(3, 2, 2), Layout::Hwc), &mut [0.0; 4]);
    assert!(matches!(error, Err(DataError::Channels { .. })));
}

#[test]
fn another_size_is_refused_with_a_remedy() {
    let cifar = fixed(shape(3, 32, 32));
    assert_refused(
        bind("cifar10", &cifar, &[3, 224, 224]),
        &["3 x 32 x 32", "3 x 224 x 224", "add resize=224"],
    );
    // The geometry of a preset is for folders.
    assert_refused(bind("imagenet", &cifar, &[3, 224, 224]), &["add resize=224"]);
    assert_refused(bind("cifar10", &cifar, &[3, 24, 24]), &["crop=24", "resize=24"]);
    assert_refused(
        bind("cifar10,crop=40", &cifar, &[3, 40, 40]),
        &["add resize=40 to scale first"],
    );
    let flat = fixed(shape(1, 1, 3072));
    assert_refused(bind("none", &flat, &[3, 32, 32]), &["reshape", "N x C x H x W"]);
}

#[test]
fn sizes_in_the_text_must_lead_to_the_model_input() {
    let cifar = fixed(shape(3, 32, 32));
    assert_refused(
        bind("cifar10,crop=24", &cifar, &[3, 28, 28]),
        &["crop=24", "3 x 28 x 28", "write crop=28"],
    );
    assert_refused(bind("cifar10,resize=20", &cifar, &[3, 28, 28]), &["resize=20", "resize=28"]);
    assert_refused(
        bind("imagenet", &FOLDER, &[3, 192, 192]),
        &["crop=224", "add crop=192,resize=220"],
    );
    assert!(bind("imagenet,crop=192,resize=220", &FOLDER, &[3, 192, 192]).is_ok());
    assert_refused(bind("imagenet", &FOLDER, &[3, 192, 256]), &["square"]);
}

#[test]
fn a_float_source_needs_its_scale_said() {
    let floats = ImageInfo { shape: Some(shape(3, 1, 1)), eight_bit: false };
    assert_refused(bind("cifar10", &floats, &[3, 1, 1]), &["scale=1/255", "scale=1 "]);
    assert!(bind("none", &floats, &[3, 1, 1]).is_ok());
    let preprocessor = bind("mnist,scale=1", &floats, &[3, 1, 1]).unwrap();
    let image = Image {
        shape: shape(3, 1, 1),
        layout: Layout::Chw,
        pixels: Pixels::F32(vec![0.0, 0.5, 1.0]),
    };
    let mut out = [0.0; 3];
    preprocessor.apply(&image, &mut out).unwrap();
    assert_eq!(out, [0.0, 0.5, 1.0].map(|v: f32| (v - 0.1307) / 0.3081));
}

#[test]
fn crop_and_resize_work_on_images_of_one_size() {
    let image = counting(shape(1, 4, 4), Layout::Chw);
    assert_eq!(apply("crop=2", &image, &[1, 2, 2]), [5.0, 6.0, 9.0, 10.0]);
    let resized = apply("resize=2", &image, &[1, 2, 2]);
    assert_eq!(resized.len(), 4);
    // Symmetric about 7.5, up to the rounding of 8-bit values.
    assert!((resized[0] + resized[3] - 15.0).abs() <= 1.0, "{resized:?}");
}

#[test]
fn folder_images_of_any_size_fit() {
    for (text, side) in [("cifar10", 32), ("imagenet", 224), ("cifar10,resize=40", 32)] {
        let preprocessor = bind(text, &FOLDER, &[3, side, side]).unwrap();
        for (channels, height, width) in [(3, 1, 1), (1, 50, 33), (3, 32, 32), (3, 31, 300)] {
            let image = counting(shape(channels, height, width), Layout::Hwc);
            let mut out = vec![f32::NAN; preprocessor.elements()];
            preprocessor.apply(&image, &mut out).unwrap();
            assert!(out.iter().all(|value| value.is_finite()), "{text} {height}");
        }
    }
    // A rectangle is covered, then cropped.
    let preprocessor = bind("none", &FOLDER, &[1, 2, 4]).unwrap();
    let mut out = [0.0; 8];
    preprocessor.apply(&counting(shape(1, 4, 4), Layout::Chw), &mut out).unwrap();
    assert_eq!(out, [4, 5, 6, 7, 8, 9, 10, 11].map(|v: u8| f32::from(v)));
}

#[test]
fn a_sliver_is_refused_rather_than_blown_up() {
    let preprocessor = bind("imagenet", &FOLDER, &[3, 224, 224]).unwrap();
    let sliver = Image {
        shape: shape(1, 1, 1 << 20),
        layout: Layout::Hwc,
        pixels: Pixels::U8(vec![0; 1 << 20]),
    };
    let error = preprocessor.apply(&sliver, &mut vec![0.0; 3 * 224 * 224]);
    assert!(error.unwrap_err().to_string().contains("too unequal"));
}
