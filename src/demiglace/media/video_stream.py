"""The video stream of an open file: what its container says of it, and what its packets say before any is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from av import Packet, VideoStream
    from av.container import InputContainer

# Only containers that hold their own video: playlists and lists of files can name other files and addresses.
RAW_FORMATS = ("h264", "hevc", "mpegvideo", "m4v", "obu")
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,nut,dv,yuv4mpegpipe," + ",".join(
    RAW_FORMATS
)
FALLBACK_FPS = 25.0  # where nothing in the file says any
TAIL_SLACK_S = 0.1  # sound may outlast the picture by this much in a file that is whole

_TRACK_LENGTH = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")
_TRACK_TAGS = ("DURATION", "DURATION-eng")  # FFmpeg's, then mkvmerge's, which a copy by FFmpeg leaves as it was


@dataclass(frozen=True)
class Colours:
    """Transfer, primaries and matrix, as ITU-T H.273 numbers them."""

    transfer: int
    primaries: int
    matrix: int


@dataclass(frozen=True)
class OpenStream:
    """An open container and the stream that is read from it.

    name: for messages. tick_s: seconds in one unit of the stream's timestamps.
    colours: what the container says of them; frames may say nothing.
    """

    name: str
    container: InputContainer
    stream: VideoStream
    tick_s: Fraction
    colours: Colours

    @property
    def format(self) -> str:
        return self.container.format.name

    @property
    def mean_fps(self) -> float:
        return float(self.stream.average_rate or self.stream.guessed_rate or FALLBACK_FPS)

    @property
    def is_raw(self) -> bool:
        """Whether there is no container, and FFmpeg makes times up."""
        return self.format in RAW_FORMATS

    @property
    def announced_lengths_s(self) -> list[float]:
        """What the container says, in seconds, if anything: of the stream where it does, else of all."""
        if (ticks := self.stream.duration or 0) > 0:
            return [float(ticks * self.tick_s)]
        of_all_s = (self.container.duration or 0) / 1e6
        if of_all_s <= 0:
            return []
        return [min(of_all_s, self._track_length_s or of_all_s)]

    @property
    def _track_length_s(self) -> float | None:
        """Matroska says in a tag how long a track is, whose sound may be longer."""
        if "matroska" not in self.format:
            return None
        said = (_TRACK_LENGTH.match(self.stream.metadata.get(tag, "")) for tag in _TRACK_TAGS)
        lengths = (3600 * int(part[1]) + 60 * int(part[2]) + float(part[3]) for part in said if part)
        return next(lengths, None)

    def packets(self) -> Iterator[Packet]:
        """All up to the end, or to where the file breaks off; the last one is empty and empties the decoder."""
        import av

        try:
            yield from self.container.demux(self.stream)
        except av.error.FFmpegError:
            return


@dataclass(frozen=True)
class PacketTimes:
    """When frames are shown, by their packets, in ticks of the stream.

    count: packets that hold something. stamps: ascending and each different; None where a packet says nothing.
    last_stays: how long the last of them does, 0 where it does not say.
    are_decoding_times: whether the file stores no others, though its frames may be shown in another order.
    """

    count: int
    stamps: list[int] | None
    last_stays: int = 0
    are_decoding_times: bool = False


@contextmanager
def open_stream(file: BinaryIO, name: str, max_pixels: int) -> Iterator[OpenStream]:
    """The first video stream of an open file, from its start; ValueError where there is none to be read."""
    import av

    file.seek(0)
    try:
        container = av.open(file, "r", options={"format_whitelist": FORMATS}, **_lenient_tags())
    except av.error.FFmpegError as error:
        raise ValueError(f"{name}: not a video that can be read ({error.strerror})") from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams:
            raise ValueError(f"{name}: has no video stream")
        stream = streams[0]
        codec, tick_s = stream.codec_context, stream.time_base
        if codec is None:
            raise ValueError(f"{name}: has no video stream in a known codec")
        if tick_s is None:
            raise ValueError(f"{name}: its video stream does not say what its timestamps count")
        if codec.width * codec.height > max_pixels:
            raise ValueError(f"{name}: frames of {codec.width} x {codec.height} pixels, at most {max_pixels} are read")
        codec.options = {"max_pixels": str(2 * max_pixels)}  # for sizes that change on the way; coded ones are padded
        codec.thread_type = "AUTO"
        colours = Colours(codec.color_trc, codec.color_primaries, codec.colorspace)  # a decoder forgets them
        yield OpenStream(name, container, stream, tick_s, colours)


def read_packet_times(source: OpenStream, max_frames: int) -> PacketTimes:
    """From every packet up to the end; none is decoded. ValueError beyond `max_frames`."""
    if source.stream.frames > max_frames:
        raise ValueError(f"{source.name}: {source.stream.frames} frames, at most {max_frames} are read")
    count, stays, all_say = 0, dict[int, int](), not source.is_raw
    for packet in source.packets():
        if not packet.size or packet.is_discard:  # an edit list leaves out the discarded ones
            continue
        count += 1
        if count > max_frames:
            raise ValueError(f"{source.name}: over {count - 1} frames, at most {max_frames} are read")
        # AVI stores times of decoding alone; FFmpeg derives display times of them, late and out of order.
        stamp = packet.dts if source.format == "avi" else packet.pts
        if stamp is None:
            all_say = False
        else:
            stays[stamp] = packet.duration or 0
    if not stays or not all_say:
        return PacketTimes(count, None)
    stamps = sorted(stays)
    return PacketTimes(count, stamps, stays[stamps[-1]], _are_decoding_times(source, stamps == list(stays)))


def _are_decoding_times(source: OpenStream, is_sorted: bool) -> bool:
    """Whether the display times are those of decoding, so that the frames come out with times out of order."""
    if source.format == "avi":
        return True
    return source.format in ("asf", "mxf") and is_sorted and bool(source.stream.codec_context.has_b_frames)


def _lenient_tags() -> dict[str, Any]:
    """PyAV 17 and 18 refuse a file with a title that is not UTF-8 unless told otherwise; 19 has no such option."""
    import av

    return {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
