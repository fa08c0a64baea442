"""What the task beside this file shows of a question: a picture, or a clip by its path."""

from PIL import Image


def shown_of(question: dict) -> list[Image.Image | str]:
    path = question["shown"]
    return [path if path.endswith(".mp4") else Image.open(path)]
