"""Images in files: listed by class, checked, and read when they are asked for."""

import os
import warnings
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from skdl._transformers.image_files import LazyImages, as_sources
from skdl._transformers.image_folder import load_image_folder

RNG = np.random.default_rng(0)


def save(path, size=(6, 5), mode="RGB"):
    shape = size if mode == "L" else (*size, len(mode))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8), mode).save(path)
    return str(path)


@pytest.fixture
def folder(tmp_path):
    """Three cats, of which one in a folder of its own, two dogs, and what is no image."""
    for name in ("cats/1.png", "cats/2.JPG", "cats/more/3.bmp", "dogs/1.png", "dogs/2.jpeg"):
        save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "cats" / "notes.txt").write_text("no image")
    (tmp_path / "photos" / "dogs" / ".hidden.png").write_text("no image")
    (tmp_path / "photos" / ".cache").mkdir()
    return tmp_path / "photos"


def test_a_folder_a_class(folder):
    photos = load_image_folder(folder, shuffle=False)
    names = [os.path.relpath(path, folder) for path in photos.data]
    assert names == ["cats/1.png", "cats/2.JPG", "cats/more/3.bmp", "dogs/1.png", "dogs/2.jpeg"]
    assert photos.target.tolist() == [0, 0, 0, 1, 1]
    assert photos.target.dtype == np.int64
    assert photos.target_names == ["cats", "dogs"]
    assert photos.filenames is photos.data
    assert "5 images of 2 classes" in photos.DESCR
    X, y = load_image_folder(str(folder), return_X_y=True)
    assert sorted(zip(X, y, strict=True)) == [*zip(photos.data, photos.target, strict=True)]
    assert X.tolist() != photos.data.tolist()
    again = load_image_folder(folder).data
    assert_array_equal(again, X)
    assert load_image_folder(folder, random_state=3).data.tolist() != X.tolist()


def test_some_categories_and_extensions(folder):
    assert load_image_folder(folder, categories=["dogs"]).target_names == ["dogs"]
    assert len(load_image_folder(folder, allowed_extensions=[".PNG"]).data) == 2


def test_folders_that_do_not_fit(folder, tmp_path):
    with pytest.raises(ValueError, match=r"allowed_extensions must be a list .*'.jpg'"):
        load_image_folder(folder, allowed_extensions=".jpg")
    with pytest.raises(FileNotFoundError, match=r"path='.*nowhere' is no folder"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"categories=\['birds'\].*\['cats', 'dogs'\]"):
        load_image_folder(folder, categories=["birds"])
    with pytest.raises(ValueError, match="categories='dogs' must be a list"):
        load_image_folder(folder, categories="dogs")
    with pytest.raises(ValueError, match=r"No readable image in the folders \['more'\]"):
        load_image_folder(folder / "cats", allowed_extensions=[".gif"])
    with pytest.raises(ValueError, match="unreadable must be"):
        load_image_folder(folder, unreadable="skip")


def damage(folder):
    """Make one file truncated and another no image; return both."""
    truncated = Path(save(folder / "cats" / "truncated.jpg", size=(200, 200)))
    truncated.write_bytes(truncated.read_bytes()[:-2000])
    text = folder / "dogs" / "text.png"
    text.write_text("no image")
    return [str(truncated), str(text)]


def test_damaged_files_are_listed(folder):
    bad = damage(folder)
    with pytest.raises(OSError, match="2 of 7 image files cannot be read") as error:
        load_image_folder(folder)
    assert all(path in str(error.value) for path in bad)
    assert "truncated" in str(error.value)
    assert "unreadable='warn'" in str(error.value)
    with pytest.warns(UserWarning, match="2 of 7 image files") as seen:
        photos = load_image_folder(folder, unreadable="warn")
    assert all(path in str(seen[0].message) for path in bad)
    assert len(photos.data) == len(photos.target) == 5
    assert len(load_image_folder(folder, unreadable=None).data) == 7


def test_images_are_read_as_keras_reads_them(tmp_path):
    paths = np.array([save(tmp_path / f"{i}.png", size=(20 + i, 30 - i)) for i in range(5)])
    images = LazyImages(paths, (12, 16, 3))
    assert len(images) == 5
    assert images.shape == (5, 12, 16, 3)
    found = images[np.array([3, 1])]
    for image, path in zip(found, paths[[3, 1]], strict=True):
        by_keras = keras.utils.load_img(path, target_size=(12, 16), interpolation="bilinear")
        assert_array_equal(image, keras.utils.img_to_array(by_keras))
    assert found.dtype == np.uint8
    assert_array_equal(images[1:4][2], found[0])
    assert LazyImages(paths, (12, 16, 1))[:2].shape == (2, 12, 16, 1)
    assert images[:0].shape == (0, 12, 16, 3)


def test_modes_of_images(tmp_path):
    paths = [save(tmp_path / f"{mode}.png", mode=mode) for mode in ("L", "RGB", "RGBA")]
    images = LazyImages(np.array(paths), (6, 5, 3))[:]
    assert images.shape == (3, 6, 5, 3)
    assert_array_equal(images[0][..., 0], np.asarray(Image.open(paths[0])))
    assert_array_equal(images[0][..., 0], images[0][..., 2])


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_of_16_bits_the_upper_8_are_read(tmp_path, ending, channels):
    values = RNG.integers(0, 65536, (6, 5), dtype=np.uint16)
    values[0, :2] = 0, 65535
    path = tmp_path / f"deep.{ending}"
    Image.fromarray(values).save(path)
    found = LazyImages(np.array([str(path)]), (6, 5, channels))[:]
    assert_array_equal(found[0, ..., 0], values // 256)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_numbers_of_32_bits_are_refused(folder, dtype):
    path = str(folder / "dogs" / "numbers.tif")
    Image.fromarray(RNG.integers(0, 300, (6, 5)).astype(dtype)).save(path)
    with pytest.raises(OSError, match=r"1 of 1 .*\n  .*numbers\.tif: .*numbers of 32 bits"):
        LazyImages(np.array([path]), (6, 5, 3))[:]
    with pytest.warns(UserWarning, match=r"numbers\.tif: .*numbers of 32 bits"):
        assert path not in load_image_folder(folder, unreadable="warn").data


def test_reading_lists_every_damaged_file(folder):
    bad = damage(folder)
    photos = load_image_folder(folder, unreadable=None, shuffle=False)
    images = LazyImages(photos.data, (8, 8, 3))
    with pytest.raises(OSError, match="2 of 7 image files cannot be read") as error:
        images[np.array([list(photos.data).index(bad[0])])]
    assert all(path in str(error.value) for path in bad)


def test_what_counts_as_sources(tmp_path):
    path = save(tmp_path / "a.png")
    forms = [
        [path],
        (Path(path),),
        np.array([path]),
        np.array([path], dtype=object),
        np.array([[path]]),
        pd.Series([path]),
        pd.DataFrame({"path": [path]}),
    ]
    for form in forms:
        assert as_sources(form).tolist() == [path]
    others = [np.zeros((2, 3)), [[1, 2]], np.zeros(0), [], pd.DataFrame({"a": [1], "b": ["x"]})]
    for other in (*others, np.array([[1.0, 2.0]], dtype=object)):
        assert as_sources(other) is None
    with pytest.raises(TypeError, match="single path"):
        as_sources(path)
    with pytest.raises(TypeError, match=r"pixels alone, received 3 at position 1"):
        as_sources([path, 3])
    with pytest.raises(FileNotFoundError, match=r"2 of 3 image files do not exist: b\.png, c\.png"):
        as_sources([path, "b.png", "c.png"])


def test_content_decides_and_only_known_formats_are_opened(folder, monkeypatch):
    from PIL import EpsImagePlugin

    def started(*args, **kwargs):
        raise AssertionError("another program was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    postscript = folder / "cats" / "photo.jpg"
    postscript.write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    portable = folder / "cats" / "portable.png"
    Image.fromarray(np.zeros((6, 5), np.uint8)).save(portable, "PPM")
    renamed = folder / "dogs" / "renamed.png"
    Image.fromarray(np.zeros((6, 5, 3), np.uint8)).save(renamed, "JPEG")
    with pytest.warns(UserWarning, match="2 of 8 .*\n.*photo.jpg: it is no image, or of another"):
        photos = load_image_folder(folder, unreadable="warn")
    assert str(renamed) in photos.data
    with pytest.raises(OSError, match="BMP, GIF, JPEG, PNG, TIFF, WEBP"):
        LazyImages(np.array([str(postscript)]), (6, 5, 3))[:]
    assert LazyImages(np.array([str(renamed)]), (6, 5, 3))[:].shape == (1, 6, 5, 3)


# Where the upper left pixel of the stored image lies upright, for each EXIF orientation.
CORNERS = {
    1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0),
    5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0),
}  # fmt: skip


def lying(path, orientation, mode="RGB"):
    """Save an image of 6 x 4 pixels with one bright corner that lies as EXIF says."""
    pixels = np.zeros((6, 4, 3), np.uint8)
    pixels[0, 0] = 255
    image = Image.fromarray(pixels).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(path, exif=exif, **({"quality": 100} if path.suffix == ".jpg" else {}))
    return str(path)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", CORNERS)
def test_photos_are_turned_upright(tmp_path, ending, orientation):
    path = lying(tmp_path / f"photo.{ending}", orientation)
    shape = (4, 6, 1) if orientation >= 5 else (6, 4, 1)
    held = Image.open(path)
    for source in ([path], [held]):
        image = LazyImages(as_sources(source), shape)[:][0, ..., 0]
        assert np.unravel_index(image.argmax(), image.shape) == tuple(
            np.array(CORNERS[orientation]) % image.shape
        )
    if ending != "tif":  # which Pillow turns itself
        stored = LazyImages(as_sources([path]), (6, 4, 1), upright=False)[:][0, ..., 0]
        assert stored.argmax() == 0


def test_16_bits_are_turned_and_damaged_metadata_are_not_followed(tmp_path):
    values = np.zeros((6, 4), np.uint16)
    values[0, 0] = 65535
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = tmp_path / "deep.png"
    Image.fromarray(values).save(deep, exif=exif)
    assert LazyImages(np.array([str(deep)]), (4, 6, 1))[:][0, 0, -1, 0] == 255
    broken = tmp_path / "broken.jpg"
    Image.new("RGB", (4, 6)).save(broken, exif=b"Exif\0\0this is no metadata")
    assert LazyImages(np.array([str(broken)]), (6, 4, 3))[:].shape == (1, 6, 4, 3)


def test_links_are_followed_once_and_what_systems_add_is_skipped(folder, tmp_path):
    more = tmp_path / "elsewhere"
    save(more / "9.png")
    (folder / "cats" / "linked").symlink_to(more)
    (folder / "cats" / "twice").symlink_to(more)
    (more / "back").symlink_to(folder / "cats")  # a circle
    (folder / "birds").symlink_to(more)  # a class by itself
    for name in ("__MACOSX", "@eaDir", "cats/__MACOSX", "dogs/@eaDir"):
        save(folder / name / "thumbnail.jpg")
    photos = load_image_folder(folder, shuffle=False)
    assert photos.target_names == ["birds", "cats", "dogs"]
    of_cats = [os.path.relpath(path, folder) for path in photos.data[photos.target == 1]]
    assert of_cats == ["cats/1.png", "cats/2.JPG", "cats/linked/9.png", "cats/more/3.bmp"]
    assert (photos.target == 2).sum() == 2
    assert not any("thumbnail" in path for path in photos.data)


def test_home_and_single_things(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_sources(["~/photos/cats/1.png"]).tolist() == [str(folder / "cats" / "1.png")]
    with pytest.raises(TypeError, match=r"the folder '~/photos'.*load_image_folder\('~/photos'"):
        as_sources("~/photos")
    with pytest.raises(FileNotFoundError, match=r"is a folder: .*load_image_folder"):
        as_sources([folder / "cats"])
    with pytest.raises(TypeError, match=r"iterator \(generator\).*list\(X\)"):
        as_sources(path for path in folder.glob("*"))
    with pytest.raises(TypeError, match=r"single one of Pillow: give \[X\]"):
        as_sources(Image.new("L", (2, 2)))
    with pytest.raises(FileNotFoundError, match=r"30 of 30 .* and 10 more\. Relative") as error:
        as_sources([f"{'x' * 500}{i}" for i in range(30)])
    assert len(str(error.value)) < 6000


def test_no_warning_of_pillow(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_image_folder(folder)
