"""Writes the images of this folder: one small label image in the formats, types and layouts of the field.

    python make.py

needs numpy, scipy, h5py, tifffile, imagecodecs and Pillow. `expected.csv` holds the labels, a line per row
of pixels. The ending of a name tells what the image holds:

    *_wide      every label times 70001 (beyond 16 bits)
    *_mask      1 where there is a label, else 0
    *_pages     three pages: the labels, the labels plus 1 wherever there is one, twice the labels
    bad_*       images that must be refused
"""

import os
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import scipy.io
import scipy.sparse
import tifffile
from PIL import Image

HERE = Path(__file__).parent
HEIGHT, WIDTH = 37, 53


def label_image():
    """Thirteen discs that cut into one another and lie over the borders."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    labels = np.zeros((HEIGHT, WIDTH), np.int64)
    draw = np.random.default_rng(5)
    for label in range(1, 14):
        cy, cx, radius = draw.uniform(0, HEIGHT), draw.uniform(0, WIDTH), draw.uniform(3, 7)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = 9 * label
    return labels


LABELS = label_image()
MASK = (LABELS > 0).astype(np.uint8)
WIDE = LABELS * 70001
PAGES = np.stack([LABELS, LABELS + MASK, 2 * LABELS])


def tiff(name, image, **options):
    options.setdefault("photometric", "minisblack")
    options.setdefault("software", False)
    options.setdefault("metadata", None)
    tifffile.imwrite(HERE / f"{name}.tif", image, **options)


def write_tiffs():
    # Sample types.
    for kind in ["u1", "i1"]:
        tiff(f"{kind}", LABELS.astype(kind))
    for kind in ["u2", "i2", "f2"]:
        tiff(f"{kind}_deflate", LABELS.astype(kind), compression="zlib")
    for kind in ["u4", "i4", "u8", "i8", "f8"]:
        tiff(f"{kind}_deflate_wide", WIDE.astype(kind), compression="zlib")
    tiff("f4_deflate", LABELS.astype("f4"), compression="zlib")
    tiff("bit_mask", MASK.astype(bool))
    tiff("bit_packbits_mask", MASK.astype(bool), compression="packbits")
    # Where the pixels are.
    tiff("u2_strips_of_7", LABELS.astype("u2"), rowsperstrip=7)
    tiff("u1_tiles_bigtiff", LABELS.astype("u1"), tile=(16, 32), bigtiff=True)
    tiff("u2_big_endian", LABELS.astype("u2"), byteorder=">")
    tiff("u4_big_endian_tiles_deflate_wide", WIDE.astype("u4"), byteorder=">", tile=(16, 16), compression="zlib")
    # Compression and predictors.
    for compression in ["lzw", "packbits", "zstd"]:
        tiff(f"u2_{compression}", LABELS.astype("u2"), compression=compression, rowsperstrip=8)
        tiff(f"u1_{compression}_tiles", LABELS.astype("u1"), compression=compression, tile=(16, 16))
    tiff("u2_lzw_predictor", LABELS.astype("u2"), compression="lzw", predictor=2, rowsperstrip=10)
    tiff("u4_zstd_predictor_tiles_wide", WIDE.astype("u4"), compression="zstd", predictor=2, tile=(16, 16))
    tiff("i4_big_endian_predictor_wide", WIDE.astype("i4"), compression="zlib", predictor=2, byteorder=">")
    tiff("f4_predictor_3", LABELS.astype("f4"), compression="zlib", predictor=3)
    tiff("f4_predictor_3_tiles", LABELS.astype("f4"), compression="lzw", predictor=3, tile=(16, 16))
    tiff("f8_big_endian_predictor_3", LABELS.astype("f8"), compression="zlib", predictor=3, byteorder=">")
    # Pages, descriptions and pixel sizes.
    tiff("u2_pages", PAGES.astype("u2"), compression="zlib")
    tiff("u2_white_is_zero", LABELS.astype("u2"), photometric="miniswhite", compression="zlib")
    tiff(
        "u2_centimeters",
        LABELS.astype("u2"),
        compression="zlib",
        resolution=(10000 / 0.2125, 10000 / 0.425),
        resolutionunit="CENTIMETER",
    )
    tiff("u1_dpi", LABELS.astype("u1"), compression="zlib", resolution=(300, 300), resolutionunit="INCH")
    tiff(
        "imagej_pages",
        PAGES.astype("u2"),
        compression="zlib",
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "ZYX", "spacing": 1.5, "unit": "micron"},
    )
    with tifffile.TiffWriter(HERE / "ome_pyramid.ome.tif", ome=True) as file:
        metadata = {"axes": "YX", "PhysicalSizeX": 212.5, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.425}
        options = {"compression": "zlib", "photometric": "minisblack", "metadata": metadata}
        file.write(LABELS.astype("u2"), subifds=1, tile=(16, 16), **options)
        file.write(LABELS[::2, ::2].astype("u2"), subfiletype=1, tile=(16, 16), compression="zlib")
    channels = np.stack([PAGES, PAGES[::-1]], axis=1)  # z, then channel
    metadata = {"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 3}
    metadata.update(PhysicalSizeXUnit="µm", PhysicalSizeYUnit="µm", PhysicalSizeZUnit="µm")
    tifffile.imwrite(
        HERE / "ome_channels_pages.ome.tif",
        channels.astype("u1"),
        ome=True,
        compression="zlib",
        photometric="minisblack",
        metadata=metadata,
    )
    with tifffile.TiffWriter(HERE / "u2_thumbnail.tif") as file:
        for image in [LABELS, LABELS[::2, ::2], LABELS[::4, ::4]]:
            file.write(image.astype("u2"), compression="zlib", photometric="minisblack", metadata=None)
    palette = np.arange(3 * 256, dtype="u2").reshape(3, 256)
    tiff("u1_palette", LABELS.astype("u1"), photometric="palette", colormap=palette, compression="zlib")
    write_imagej_of_one_directory()
    # To be refused.
    tiff("bad_fractions", (LABELS / 4).astype("f4"), compression="zlib")
    tiff("bad_negative", (LABELS - 1).astype("i2"), compression="zlib")
    tiff("bad_rgb", np.stack([LABELS] * 3, axis=-1).astype("u1"), photometric="rgb", compression="zlib")
    tiff("bad_jpeg2000", LABELS.astype("u2"), compression="jpeg2000")
    tiff("bad_lzma", LABELS.astype("u2"), compression="lzma")
    tiff("bad_large", (LABELS.astype("i8") << 40), compression="zlib")
    tiff("bad_jpeg", LABELS.astype("u1"), compression="jpeg", tile=(16, 16))


def write_imagej_of_one_directory():
    """A stack as ImageJ writes it beyond 4 GB: one directory, the pages behind one another."""
    description = b"ImageJ=1.53t\nimages=3\nslices=3\nunit=pixel\n\0"
    tags = [
        (256, 4, 1, WIDTH),
        (257, 4, 1, HEIGHT),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (270, 2, len(description), None),
        (273, 4, 1, None),
        (277, 3, 1, 1),
        (278, 3, 1, HEIGHT),
        (279, 4, 1, WIDTH * HEIGHT),
    ]
    end = 8 + 2 + 12 * len(tags) + 4
    places = {270: end, 273: end + len(description)}
    out = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for tag, kind, count, value in tags:
        out += struct.pack("<HHII", tag, kind, count, places.get(tag, value))
    out += struct.pack("<I", 0) + description + PAGES.astype("u1").tobytes()
    (HERE / "imagej_one_directory_pages.tif").write_bytes(out)


def write_pngs():
    Image.fromarray(LABELS.astype("u1")).save(HERE / "gray8.png", optimize=True)
    Image.fromarray(LABELS.astype("u2")).save(HERE / "gray16.png", optimize=True)
    Image.fromarray(MASK.astype(bool)).save(HERE / "bit_mask.png", bits=1, optimize=True)
    small = LABELS.astype("u1")
    write_png("gray8_interlaced", small, 8, interlaced=True)
    write_png("gray2_mask", MASK, 2)
    write_png("gray4_mask", MASK, 4)
    alpha = np.full_like(small, 255)
    Image.fromarray(np.dstack([small, alpha])).save(HERE / "gray8_alpha.png", optimize=True)
    alpha[4, 7] = 12
    Image.fromarray(np.dstack([small, alpha])).save(HERE / "bad_transparent.png", optimize=True)
    Image.fromarray(np.dstack([small] * 3)).save(HERE / "bad_rgb.png", optimize=True)
    palette = Image.fromarray(small).convert("P")
    palette.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    palette.save(HERE / "bad_palette.png", optimize=True)
    Image.fromarray(small).save(HERE / "bad_picture.jpg", quality=50)


def write_png(name, image, bits, interlaced=False):
    """Gray images in depths and orders that Pillow does not write."""

    def rows(part):
        out = b""
        for row in part:
            digits = "".join(format(int(value), f"0{bits}b") for value in row)
            digits += "0" * (-len(digits) % 8)
            out += b"\0" + bytes(int(digits[start : start + 8], 2) for start in range(0, len(digits), 8))
        return out

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [image[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [image]
    data = b"".join(rows(part) for part in parts)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], bits, 0, 0, 0, int(interlaced))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, chunk in [(b"IHDR", header), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]:
        out += struct.pack(">I", len(chunk)) + kind + chunk + struct.pack(">I", zlib.crc32(kind + chunk))
    (HERE / f"{name}.png").write_bytes(out)


def matlab(name, variables, compress=True):
    scipy.io.savemat(HERE / f"{name}.mat", variables, do_compression=compress)
    blank_header(HERE / f"{name}.mat")


def blank_header(path):
    """Takes the time of writing out of the header, so that the files are the same each time."""
    content = bytearray(path.read_bytes())
    content[:116] = b"MATLAB 5.0 MAT-file Platform: posix".ljust(116)
    path.write_bytes(bytes(content))


def write_matlabs():
    for kind in ["u1", "i1", "u2", "i2", "f4"]:
        matlab(f"v5_{kind}", {"mask": LABELS.astype(kind)})
    for kind in ["u4", "i4", "u8", "i8", "f8"]:
        matlab(f"v5_{kind}_wide", {"mask": WIDE.astype(kind)})
    matlab("v5_plain", {"mask": LABELS.astype("i2")}, compress=False)
    matlab("v5_logical_mask", {"m": MASK.astype(bool)})
    matlab("v5_sparse", {"mask": scipy.sparse.csc_matrix(LABELS.astype("f8"))})
    matlab("v5_sparse_logical_mask", {"mask": scipy.sparse.csc_matrix(MASK.astype(bool))})
    others = {"name": "a text", "settings": {"radius": 3.0}, "list": np.array([1, "b"], object), "n": 3.0}
    matlab("v5_among_others", {**others, "mask": LABELS.astype("u2")})
    matlab("bad_v5_several", {"nuclei": LABELS.astype("u2"), "cells": LABELS.astype("u2")})
    matlab("bad_v5_none", {**others, "stack": np.stack([MASK] * 2, axis=-1)})
    write_v5_by_hand()
    write_v73("v73_f8_wide.mat", {"mask": WIDE.astype("f8")})
    write_v73("v73_logical_mask.mat", {"mask": MASK.astype(bool)})
    scipy.io.savemat(HERE / "bad_v4.mat", {"mask": LABELS.astype("f8")[:5, :5]}, format="4")


def write_v5_by_hand():
    """Doubles stored in bytes, as MATLAB does; big-endian, and with a short name in a small element."""
    for order, name in [("<", "v5_double_in_bytes"), (">", "v5_big_endian")]:
        data = LABELS.astype("u1").T.tobytes()
        body = struct.pack(order + "IIII", 6, 8, 6, 0)
        body += struct.pack(order + "IIii", 5, 8, HEIGHT, WIDTH)
        small = struct.pack(order + "I", (1 << 16) | 1)  # one byte of type int8, in one word
        body += small + b"m\0\0\0"
        body += struct.pack(order + "II", 2, len(data)) + data + b"\0" * (-len(data) % 8)
        header = b"MATLAB 5.0 MAT-file, by hand".ljust(124) + struct.pack(order + "HH", 0x0100, 0x4D49)
        (HERE / f"{name}.mat").write_bytes(header + struct.pack(order + "II", 14, len(body)) + body)


def write_v73(name, variables):
    path = HERE / name
    with h5py.File(path, "w", userblock_size=512, libver="earliest") as file:
        for key, value in variables.items():
            logical = value.dtype == bool
            data = file.create_dataset(
                key, data=(value.astype("u1") if logical else value).T, compression="gzip", track_times=False
            )
            kind = "logical" if logical else {"f8": "double", "u2": "uint16"}[value.dtype.str[1:]]
            data.attrs["MATLAB_class"] = np.bytes_(kind)
            if logical:
                data.attrs["MATLAB_int_decode"] = np.int32(1)
    content = bytearray(path.read_bytes())
    content[:128] = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<HH", 0x0200, 0x4D49)
    path.write_bytes(bytes(content))


if __name__ == "__main__":
    for old in HERE.iterdir():
        if old.suffix in {".tif", ".png", ".mat", ".jpg", ".csv"}:
            os.remove(old)
    np.savetxt(HERE / "expected.csv", LABELS, fmt="%d", delimiter=",")
    write_tiffs()
    write_pngs()
    write_matlabs()
