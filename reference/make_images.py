"""Writes images/, tiny files of every kind of PNG and JPEG, and images.json: what Pillow makes of
each with Image.open(file).convert("RGB").

    pip install pillow==13.0.0 numpy==2.4.6
    python3 make_images.py
"""

import io
import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).parent


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, depth, colour_type, row, *before):
    """One row of samples, which PNG stores as they are here."""
    header = struct.pack(">IIBBBBB", width, 1, depth, colour_type, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before) + body + chunk(b"IEND", b"")


def words(*samples):
    return struct.pack(f">{len(samples)}H", *samples)


def jpeg(image, subsampling=0, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=100, subsampling=subsampling, **options)
    return out.getvalue()


def adobe(data, transform):
    """A JPEG file with another colour transform in its Adobe marker, or without the marker."""
    start = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[start + 2 : start + 4])[0]
    if transform is None:
        return data[:start] + data[start + 2 + length :]
    return data[: start + 15] + bytes([transform]) + data[start + 16 :]


DEEP = words(0, 1, 127, 128, 255, 256, 257, 300, 32767, 32768, 65279, 65535)
PALETTE = chunk(b"PLTE", bytes([1, 2, 3, 100, 110, 120, 255, 0, 9, 7, 7, 7]))
# The orientation of a camera held upright: 6, turn by 90 degrees.
EXIF = Image.Exif()
EXIF[0x0112] = 6
TWO_COLOURS = Image.new("RGB", (16, 8), (200, 30, 90))
TWO_COLOURS.paste((10, 20, 30), (8, 0, 16, 8))
CMYK = Image.new("CMYK", (8, 8), (10, 60, 200, 30))
RAMP = Image.fromarray(
    np.array(
        [[[8 * x, 8 * y, 4 * (x + y)] for x in range(16)] for y in range(16)], dtype=np.uint8
    )
)
EXIF_PNG = io.BytesIO()
TWO_COLOURS.save(EXIF_PNG, "PNG", exif=EXIF)

FILES = {
    "grey1.png": png(8, 1, 0, b"\xa5"),
    "grey2.png": png(4, 2, 0, b"\x1b"),
    "grey4.png": png(4, 4, 0, b"\x3c\x0f"),
    "grey8-transparent.png": png(2, 8, 0, b"\x3c\x05", chunk(b"tRNS", b"\0\5")),
    "grey16.png": png(12, 16, 0, DEEP),
    "grey16-transparent.png": png(12, 16, 0, DEEP, chunk(b"tRNS", b"\0\1")),
    "grey8-alpha.png": png(3, 8, 4, bytes([9, 1, 200, 0, 77, 255])),
    "grey16-alpha.png": png(6, 16, 4, DEEP),
    "palette2.png": png(4, 2, 3, b"\x1b", PALETTE),
    "palette8.png": png(4, 8, 3, bytes([3, 1, 0, 2]), PALETTE),
    "palette2-transparent.png": png(4, 2, 3, b"\x1b", PALETTE, chunk(b"tRNS", b"\0\x80")),
    "rgb8-transparent.png": png(2, 8, 2, bytes(range(6)), chunk(b"tRNS", b"\0\0\0\1\0\2")),
    "rgb16.png": png(4, 16, 2, DEEP),
    "rgba8.png": png(2, 8, 6, bytes([9, 1, 200, 0, 1, 2, 3, 128])),
    "rgba16.png": png(3, 16, 6, DEEP),
    "exif.png": EXIF_PNG.getvalue(),
    "grey.jpg": jpeg(Image.new("L", (8, 8), 77)),
    "ycbcr.jpg": jpeg(RAMP),
    "ycbcr-progressive.jpg": jpeg(RAMP, progressive=True),
    # Half the colours in both directions, and sides that are no multiple of a block.
    "ycbcr-420.jpg": jpeg(RAMP.crop((0, 0, 15, 13)), subsampling=2),
    "exif.jpg": jpeg(TWO_COLOURS, exif=EXIF),
    "rgb-adobe.jpg": jpeg(Image.new("RGB", (8, 8), (200, 30, 90)), keep_rgb=True),
    "cmyk-adobe.jpg": jpeg(CMYK),
    "cmyk.jpg": adobe(jpeg(CMYK), None),
    "ycck-adobe.jpg": adobe(jpeg(Image.new("CMYK", (8, 8), (140, 100, 160, 30))), 2),
}


def main():
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    expected = []
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
        with warnings.catch_warnings():
            # Pillow recommends RGBA for palettes with transparency.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data))
            pixels = np.asarray(image.convert("RGB"))
        height, width, _ = pixels.shape
        expected.append(
            {
                "file": name,
                "mode": image.mode,
                "height": height,
                "width": width,
                "rgb": pixels.ravel().tolist(),
            }
        )
    lines = ",\n".join("  " + json.dumps(entry, separators=(",", ":")) for entry in expected)
    text = f'{{"generator":"make_images.py","pillow":"{PIL.__version__}","images":[\n{lines}\n]}}\n'
    (HERE / "images.json").write_text(text)


if __name__ == "__main__":
    main()
