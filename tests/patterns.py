"""Pictures, clips and files of them, made on the spot."""

import io

import PIL.Image


def pattern(width: int, height: int, seed: int = 0) -> PIL.Image.Image:
    """Noise that differs by its seed."""
    import torch  # here, because tests of pictures alone should not wait for it

    generator = torch.Generator().manual_seed(seed)
    return PIL.Image.fromarray(torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8).numpy())


def one_colour(width: int, height: int, colour: str = "red") -> PIL.Image.Image:
    return PIL.Image.new("RGB", (width, height), colour)


def grey_clip(num_frames: int) -> bytes:
    """Two frames a second, each of its own grey."""
    frames = [one_colour(30, 20, f"rgb({40 * i}, {40 * i}, {40 * i})") for i in range(num_frames)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=500)
    return file.getvalue()


def encoded(picture: PIL.Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, form, **options)
    return data.getvalue()
