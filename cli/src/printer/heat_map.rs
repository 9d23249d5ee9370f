//! The error of every product as a picture.

use anyhow::{Result, bail};
use base64::Engine;

use recoup_core::multiplier::all_pairs;

/// Pixels of one product.
const CELL: u32 = 3;

/// A picture of errors e(w, a), `[w][a]`: activations to the right, weights upwards. Blue where
/// the product is too large (e < 0), red where it is too small, white where it is exact; the
/// colour goes with the square root, lest a rare large error bleach all others.
pub fn render(title: &str, errors: &[i32], signed: bool, extension: &str) -> Result<Vec<u8>> {
    let worst = errors.iter().map(|error| error.unsigned_abs()).max().unwrap_or(0);
    let map = png(&raster(errors, worst, signed))?;
    match extension {
        "png" => Ok(map),
        "svg" => Ok(svg(title, &map, worst, signed).into_bytes()),
        other => bail!("a heat map is written as .png or .svg, not as .{other}"),
    }
}

/// Pixels of red, green and blue, row by row.
fn raster(errors: &[i32], worst: u32, signed: bool) -> Vec<u8> {
    let side = (256 * CELL) as usize;
    let mut image = vec![0; 3 * side * side];
    for ((weight, activation), &error) in all_pairs().zip(errors) {
        // Signed weights from -128 below to 127 above.
        let row = 255 - u32::from(if signed { weight ^ 0x80 } else { weight });
        for pixel in 0..CELL * CELL {
            let (x, y) = (u32::from(activation) * CELL + pixel % CELL, row * CELL + pixel / CELL);
            let at = 3 * (y as usize * side + x as usize);
            image[at..at + 3].copy_from_slice(&color(error, worst));
        }
    }
    image
}

fn png(image: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 256 * CELL, 256 * CELL);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(image)?;
    Ok(bytes)
}

/// From white to a blue or a red that colour-blind people tell apart.
fn color(error: i32, worst: u32) -> [u8; 3] {
    let share = (f64::from(error.unsigned_abs()) / f64::from(worst.max(1))).sqrt();
    let end = if error < 0 { [33.0, 102.0, 172.0] } else { [178.0, 24.0, 43.0] };
    end.map(|end| (255.0 + (end - 255.0) * share).round() as u8)
}

fn svg(title: &str, map: &[u8], worst: u32, signed: bool) -> String {
    let side = 256 * CELL;
    let (left, top) = (70, 50);
    let weight = |share: u32| i64::from(share * 255 / 4) - if signed { 128 } else { 0 };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n<text x=\"{left}\" y=\"30\" font-size=\"18\">{}: error w a - p(w, a)</text>\n",
        left + side + 140,
        top + side + 60,
        escape(title)
    );
    let data = base64::engine::general_purpose::STANDARD.encode(map);
    out += &format!(
        "<image x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" \
         style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{data}\"/>\n\
         <rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"black\"/>\n"
    );
    for tick in 0..=4 {
        let along = tick * (side - CELL) / 4;
        out += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
            left + along,
            top + side + 20,
            tick * 255 / 4,
            left - 8,
            top + side - along,
            weight(tick)
        );
    }
    out += &format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">activation a</text>\n\
         <text transform=\"translate(20 {}) rotate(-90)\" text-anchor=\"middle\">weight w</text>\n",
        left + side / 2,
        top + side + 45,
        top + side / 2
    );
    // The key, from the largest positive error down to the largest negative one.
    let (x, steps, height) = (left + side + 25, 41, 8);
    let worst = i64::from(worst);
    for step in 0..steps {
        let share = 1.0 - 2.0 * f64::from(step) / f64::from(steps - 1);
        let error = (share.abs() * share * worst as f64).round() as i64;
        let [r, g, b] = color(error as i32, worst as u32);
        let y = top + step * height;
        out += &format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"20\" height=\"{height}\" fill=\"rgb({r},{g},{b})\"/>\n"
        );
        if step % 10 == 0 {
            out += &format!("<text x=\"{}\" y=\"{}\">{error}</text>\n", x + 28, y + 9);
        }
    }
    out + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_have_colours_and_the_exact_is_white() {
        assert_eq!(color(0, 100), [255, 255, 255]);
        assert_eq!(color(100, 100), [178, 24, 43]);
        assert_eq!(color(-100, 100), [33, 102, 172]);
        assert_eq!(color(0, 0), [255, 255, 255]);
    }

    #[test]
    fn the_first_weight_is_below_and_signed_weights_start_at_the_most_negative() {
        let errors: Vec<i32> = all_pairs().map(|(w, _)| i32::from(w == 0)).collect();
        let top_left = |signed| raster(&errors, 1, signed)[..3].to_vec();
        let last_row = (3 * 256 * CELL * (256 * CELL - 1)) as usize;
        let bottom_left = |signed| raster(&errors, 1, signed)[last_row..][..3].to_vec();
        assert_eq!(bottom_left(false), color(1, 1));
        assert_eq!(top_left(false), color(0, 1));
        assert_eq!(bottom_left(true), color(0, 1));
    }

    #[test]
    fn titles_are_escaped() {
        let picture = render("a<b>&c", &[0; 65536], false, "svg").unwrap();
        assert!(String::from_utf8(picture).unwrap().contains("a&lt;b&gt;&amp;c"));
        assert!(render("x", &[0; 65536], false, "gif").is_err());
    }
}
