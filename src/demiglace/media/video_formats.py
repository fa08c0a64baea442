"""Whether a file is a video, by its first bytes or its name."""

from __future__ import annotations

PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
BOXES = (b"ftyp", b"moov", b"mdat", b"wide")
STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV",
    b"OggS",
    b"\x30\x26\xb2\x75",  # ASF
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1 and MPEG-2
    b"\x00\x00\x01\xb0",  # MPEG-4
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01",  # MXF
    b"DKIF",  # IVF
    b"nut/multimedia container\0",
    b"YUV4MPEG2 ",
    b"\x1f\x07\x00\x3f",  # DV of 525 lines, and of 625
    b"\x1f\x07\x00\xbf",
)
# Offsets of the first three packets: as broadcast, with time codes before (AVCHD, Blu-ray), with parity after.
TRANSPORT_PACKETS = ((0, 188, 376), (4, 196, 388), (0, 204, 408))
H264_UNITS = (6, 7, 9)  # NAL units that a stream may begin with: SEI, sequence parameters, delimiter
HEVC_UNITS = (32, 33, 35, 39)  # video parameters, sequence parameters, delimiter, SEI
SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mj2", ".f4v", ".mkv", ".webm", ".avi", ".divx", ".flv", ".ogv"),
    *(".wmv", ".asf", ".mxf", ".ivf", ".nut", ".dv", ".dif", ".y4m", ".mpg", ".mpeg", ".vob", ".m1v", ".m2v", ".mpv"),
    *(".ts", ".m2t", ".mts", ".m2ts", ".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".obu"),
)


def starts_a_video(head: bytes) -> bool:
    """Whether a file is a video. `head`: its first 409 bytes or more, or all of a shorter file."""
    if head[4:8] in BOXES:
        return head[8:12] not in PICTURE_BRANDS
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if any(all(head[place : place + 1] == b"G" for place in places) for places in TRANSPORT_PACKETS):
        return True
    return head.startswith(STARTS) or _is_h26x(head) or _is_av1(head)


def _is_h26x(head: bytes) -> bool:
    """H.264 or HEVC without a container: a start code, then the header of a NAL unit that can come first."""
    if not head.startswith((b"\x00\x00\x00\x01", b"\x00\x00\x01")):
        return False
    first, second = head.lstrip(b"\x00")[1:3].ljust(2, b"\x00")
    is_h264 = first < 0x80 and first & 31 in H264_UNITS
    return is_h264 or (first < 0x80 and first >> 1 in HEVC_UNITS and second == 1)


def _is_av1(head: bytes) -> bool:
    """A temporal delimiter and a sequence header with its length; a TGA may begin the same way, but then has a 0."""
    return head.startswith(b"\x12\x00\x0a") and head[3:4] not in (b"", b"\x00")
