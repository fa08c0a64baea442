"""What a prompt shows, as one picture."""

import PIL.Image

from demiglace.conversation import Image, Text, Video
from demiglace.media.part_pictures import GAP, MOST_PICTURES, picture_of_parts


def test_pictures_and_frames_stand_side_by_side():
    pictures = [PIL.Image.new("RGB", (10 + number, 20), (20 * number, 0, 0)) for number in range(9)]
    assert picture_of_parts([Text("Which?")]) is None
    two = picture_of_parts([Image(pictures[0]), Image(pictures[1]), Text("Which?")])
    assert two.size == (10 + GAP + 11, 20)
    frames = [PIL.Image.new("RGB", (16, 12), (20 * number, 0, 0)) for number in range(9)]
    clip = picture_of_parts([Video(frames)])
    assert clip.size == (MOST_PICTURES * 16 + (MOST_PICTURES - 1) * GAP, 12)
