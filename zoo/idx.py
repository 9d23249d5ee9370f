"""IDX files, the format of MNIST and Fashion-MNIST: read and write, u8 only.

Layout: two zero bytes, type 0x08 (u8), number of dimensions, each dimension
as a big-endian u32, then the data.
"""

import gzip
import struct

import numpy as np


def read(path):
    """Return the array stored in `path`, gzip-compressed or plain."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{path}: not an IDX file of u8")
    shape = struct.unpack_from(f">{data[3]}I", data, 4)
    array = np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape))
    if array.size != np.prod(shape):
        raise ValueError(f"{path}: {array.size} bytes of data for shape {shape}")
    return array.reshape(shape)


def write(path, array):
    """Write `array` (u8) to `path`, compressed; equal arrays give equal files."""
    assert array.dtype == np.uint8
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    with open(path, "wb") as file:
        # No name and no time in the gzip header, so that the file is reproducible.
        with gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as out:
            out.write(header + array.tobytes())
