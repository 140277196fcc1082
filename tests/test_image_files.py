"""Every unusable file is named with what is wrong; all others are read correctly."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ablations.errors import InputError
from lightning_modules.data.image_files import as_stored, check_mask, check_pairs, read_pair
from lightning_modules.data.name_list import read_list

H, W, CLASSES = 12, 20, 21
STORED = as_stored(CLASSES)
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (H, W, 3), dtype=np.uint8)
LABELS = RANDOM.integers(0, CLASSES, (H, W), dtype=np.uint8)
RAMP = np.linspace(0, 65535, H * W).reshape(H, W)
EXPECTED = np.rint(RAMP / 257)
FRAMES = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, Path]:
    """An image and its mask."""
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    Image.fromarray(PIXELS).save(image)
    Image.fromarray(LABELS).save(mask)
    return image, mask


def grey_png(depth: int, values: np.typing.NDArray[np.uint8]) -> bytes:
    """A grey PNG of 1, 2, 4 or 8 bits, which PIL cannot write."""
    bits = np.unpackbits(values[..., None], axis=2)[..., -depth:].reshape(len(values), -1)
    rows = b"".join(b"\0" + row.tobytes() for row in np.packbits(bits, axis=1))
    height, width = values.shape
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content)
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def test_pixels_and_labels_are_what_the_files_hold(whole: tuple[Path, Path]) -> None:
    check_pairs([whole], check_mask)
    image, labels = read_pair(whole, STORED)
    assert np.array_equal(image, PIXELS.transpose(2, 0, 1))
    assert np.array_equal(labels, LABELS)


@pytest.mark.parametrize(
    ("suffix", "values"),
    [
        ("png", RAMP.astype(np.uint16)),
        ("tif", RAMP.astype(np.uint16)),
        ("tif", RAMP.astype(">u2")),
        ("tif", RAMP.astype(np.int32)),
        ("tif", (RAMP / 65535).astype(np.float32)),
    ],
)
def test_deep_grey_is_scaled_to_bytes(
    whole: tuple[Path, Path], tmp_path: Path, suffix: str, values: Any
) -> None:
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(values).save(path)
    image, _ = read_pair((path, whole[1]), STORED)
    for channel in image:
        assert abs(channel.numpy().astype(float) - EXPECTED).max() <= 1
    assert (image.min(), image.max()) == (0, 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "L", "1", "CMYK", "YCbCr", "P"])
def test_other_colours_become_red_green_and_blue(
    whole: tuple[Path, Path], tmp_path: Path, mode: str
) -> None:
    picture = Image.fromarray(PIXELS).convert(mode)
    path = tmp_path / ("other.tif" if mode in ("CMYK", "YCbCr") else "other.png")
    picture.save(path)
    image, _ = read_pair((path, whole[1]), STORED)
    expected = np.array(picture.convert("RGB")).transpose(2, 0, 1).astype(int)
    assert abs(image.numpy().astype(int) - expected).max() <= 1


def test_transparency_is_dropped_without_a_warning(
    whole: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "clear.png"
    picture = Image.fromarray(PIXELS).quantize(8)
    picture.save(path, transparency=bytes(range(8)))
    image, _ = read_pair((path, whole[1]), STORED)
    assert np.array_equal(image, np.array(picture.convert("RGB")).transpose(2, 0, 1))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_grey_mask_of_any_depth_holds_labels(
    whole: tuple[Path, Path], tmp_path: Path, depth: int
) -> None:
    values = LABELS & (2**depth - 1)
    (tmp_path / "mask.png").write_bytes(grey_png(depth, values))
    assert np.array_equal(read_pair(whole, STORED)[1], values)


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
def test_a_mask_with_a_palette_holds_its_indices(
    whole: tuple[Path, Path], tmp_path: Path, suffix: str
) -> None:
    picture = Image.fromarray(LABELS)
    picture.putpalette([value for index in range(256) for value in (index, 0, 0)])
    picture.save(tmp_path / f"mask.{suffix}")
    files = (whole[0], tmp_path / f"mask.{suffix}")
    assert np.array_equal(read_pair(files, STORED)[1], LABELS)


def test_a_mask_of_16_bits_holds_labels(whole: tuple[Path, Path]) -> None:
    Image.fromarray(LABELS.astype(np.uint16)).save(whole[1])
    assert np.array_equal(read_pair(whole, STORED)[1], LABELS)


def cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def huge(path: Path) -> None:
    path.write_bytes(grey_png(8, np.zeros((2, 2), np.uint8)))
    content = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(header))
    path.write_bytes(content[:12] + header + checksum + content[33:])


BAD_FILES: dict[str, tuple[Any, str]] = {
    "half": (lambda path: cut(path, path.stat().st_size // 2), "cannot be read (image"),
    "header": (lambda path: cut(path, 5), "is not an image, or its header is damaged"),
    "empty": (lambda path: cut(path, 0), "is empty"),
    "text": (lambda path: path.write_text("hello\nworld"), "is not an image, or its"),
    "bomb": (huge, "has more than 89,478,485 pixels, the limit"),
    "missing": (lambda path: path.unlink(), "not found, or not a file"),
    "frames": (
        lambda path: FRAMES[0].save(path, save_all=True, append_images=FRAMES[1:]),
        "contains 2 frames, not one image",
    ),
}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_before_and_when_it_is_read(
    whole: tuple[Path, Path], name: str, which: int
) -> None:
    spoil, message = BAD_FILES[name]
    spoil(whole[which])
    for attempt in (
        lambda: check_pairs([whole], check_mask),
        lambda: read_pair(whole, STORED),
    ):
        with pytest.raises(InputError) as raised:
            attempt()
        assert str(raised.value).startswith(f"{whole[which]}: {message}")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_file_is_named_when_it_is_read(
    whole: tuple[Path, Path], which: int
) -> None:
    flip(whole[which])
    with pytest.raises(InputError, match="cannot be read") as raised:
        read_pair(whole, STORED)
    assert str(raised.value).startswith(f"{whole[which]}: ")


def test_other_bad_files_are_counted(whole: tuple[Path, Path]) -> None:
    cut(whole[0], 0)
    with pytest.raises(InputError, match=r"is empty \(2 more are unusable\)$"):
        check_pairs([whole, whole, whole], check_mask)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            RAMP.astype(np.int32) * 2,
            "has values from 0 to 131070; expected 0 to 65535",
        ),
        (-RAMP.astype(np.int32), "has values from -65535 to 0; expected 0 to 65535"),
        (RAMP.astype(np.float32), "has values from 0 to 65535; expected 0 to 1"),
        (np.full((H, W), np.nan, np.float32), "has values from nan to nan"),
    ],
)
def test_numbers_without_a_known_white_are_refused(
    whole: tuple[Path, Path], tmp_path: Path, values: Any, message: str
) -> None:
    path = tmp_path / "deep.tif"
    Image.fromarray(values).save(path)
    with pytest.raises(InputError, match=f"deep.tif: {message}"):
        read_pair((path, whole[1]), STORED)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "CMYK", "F"])
def test_a_picture_is_not_a_mask(
    whole: tuple[Path, Path], tmp_path: Path, mode: str
) -> None:
    path = tmp_path / ("mask.tif" if mode in ("CMYK", "F") else "mask.png")
    Image.fromarray(LABELS).convert("RGB").convert("L" if mode == "F" else mode).convert(
        mode
    ).save(path)
    for attempt in (
        lambda: check_pairs([(whole[0], path)], check_mask),
        lambda: read_pair((whole[0], path), STORED),
    ):
        with pytest.raises(InputError, match=f"is an image of mode {mode}; a mask has"):
            attempt()


def test_a_mask_in_a_format_that_changes_values_is_refused(
    whole: tuple[Path, Path], tmp_path: Path
) -> None:
    Image.fromarray(LABELS).save(tmp_path / "mask.jpg")
    with pytest.raises(InputError, match="is a JPEG file; masks are PNG files"):
        check_pairs([(whole[0], tmp_path / "mask.jpg")], check_mask)


def test_unknown_labels_are_listed_with_their_pixels(whole: tuple[Path, Path]) -> None:
    labels = LABELS.astype(np.uint16)
    labels[0, :3], labels[1, 0], labels[2, :2] = 21, 254, 1000
    labels[3, :2], labels[4, :2], labels[5, :2], labels[6, :2] = 30, 31, 32, 255
    Image.fromarray(labels).save(whole[1])
    with pytest.raises(
        InputError,
        match=r"unknown labels 21 \(3 pixels\), 30 \(2 pixels\), 31 \(2 pixels\), 32 "
        r"\(2 pixels\), 254 \(1 pixel\) and 1 more; allowed are 0 to 20, and 255 for void",
    ):
        read_pair(whole, STORED)


@pytest.mark.parametrize("size", [(W, H - 1), (W // 2, H), (H, W)])
def test_a_mask_of_another_size_is_refused_with_both(
    whole: tuple[Path, Path], size: tuple[int, int]
) -> None:
    Image.fromarray(LABELS).resize(size).save(whole[1])
    message = f"{whole[0]}: is 20x12 pixels, but its mask {whole[1]} is {size[0]}x{size[1]}"
    for attempt in (
        lambda: check_pairs([whole], check_mask),
        lambda: read_pair(whole, STORED),
    ):
        with pytest.raises(InputError) as raised:
            attempt()
        assert str(raised.value) == message


def test_a_photo_is_not_turned(whole: tuple[Path, Path], tmp_path: Path) -> None:
    path, turn = tmp_path / "photo.jpg", Image.Exif()
    turn[0x0112] = 6
    Image.fromarray(PIXELS).save(path, exif=turn)
    assert read_pair((path, whole[1]), STORED)[0].shape == (3, H, W)
    Image.fromarray(PIXELS.transpose(1, 0, 2).copy()).save(path, exif=turn)
    with pytest.raises(InputError, match=r"12x20 pixels \(as stored; its EXIF orientation"):
        check_pairs([(path, whole[1])], check_mask)


# Lists of names.


@pytest.mark.parametrize(
    "content",
    [
        b"one\ntwo words\nsub/three\n",
        b"\xef\xbb\xbfone\r\n\r\n two words \r\nsub/three",
        b"one\rtwo words\r\rsub/three\n\n",
    ],
)
def test_a_list_holds_a_name_per_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "val.txt").write_bytes(content)
    assert read_list(tmp_path / "val.txt") == ["one", "two words", "sub/three"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "lists no images"),
        (b"\xef\xbb\xbf\n \r\n", "lists no images"),
        ("name".encode("utf-16"), r"not UTF-8 text \(byte 1\)"),
        (b"one\n../../two\n", r"'\.\./\.\./two' is not an image name"),
        (b"one\n..\\two\n", "is not an image name"),
        (b"/etc/passwd\n", "'/etc/passwd' is not an image name"),
        (b"one\0two\n", r"'one\\x00two' is not an image name"),
        (b"one\x1b[31m\n", r"'one\\x1b\[31m' is not an image name"),
        (b"a" * 5000, "is not an image name"),
    ],
)
def test_what_is_not_a_list_of_names_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "val.txt").write_bytes(content)
    with pytest.raises(InputError, match=f"val.txt: .*{message}") as raised:
        read_list(tmp_path / "val.txt")
    assert len(str(raised.value)) < 200 + len(str(tmp_path))
