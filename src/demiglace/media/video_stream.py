"""The video stream of an open file: what its container says about it, and its packets before decoding."""

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

# Only containers that store the video themselves: playlists and file lists can name other files and addresses.
RAW_FORMATS = ("h264", "hevc", "mpegvideo", "m4v", "obu")
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,nut,dv,yuv4mpegpipe," + ",".join(
    RAW_FORMATS
)
FALLBACK_FPS = 25.0  # if the file does not state a rate
TAIL_SLACK_S = 0.1  # in a complete file, sound may outlast the picture by this much
STREAM_FORMATS = ("mpegts", "mpeg")  # transport and program streams
JOIN_S = 0.1  # FFmpeg: decoding times that go back further than this belong to another recording
GAP_S = 10.0  # the ffmpeg program: so do times that jump ahead further; ours: if they begin with a key frame

_TRACK_LENGTH = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")
_TRACK_TAGS = ("DURATION", "DURATION-eng")  # FFmpeg's, then mkvmerge's, which FFmpeg copies unchanged


@dataclass(frozen=True)
class Colours:
    """Transfer, primaries and matrix, in the numbers of ITU-T H.273."""

    transfer: int
    primaries: int
    matrix: int


@dataclass
class OpenStream:
    """An open container and the stream that is read from it.

    name: for messages. tick_s: seconds per unit of the stream's timestamps.
    colours: colour tags of the container; frames may have none.
    is_joined: whether the packets read so far are of several recordings, joined end to end.
    """

    name: str
    container: InputContainer
    stream: VideoStream
    tick_s: Fraction
    colours: Colours
    is_joined: bool = False

    @property
    def format(self) -> str:
        return self.container.format.name

    @property
    def mean_fps(self) -> float:
        # Of a stream without a container FFmpeg calls 25 the average; its guess is what the stream itself says.
        average = None if self.is_raw else self.stream.average_rate
        return float(average or self.stream.guessed_rate or FALLBACK_FPS)

    @property
    def is_raw(self) -> bool:
        """Whether there is no container, so that FFmpeg makes timestamps up."""
        return self.format in RAW_FORMATS

    @property
    def is_stream(self) -> bool:
        """Whether recordings may be joined byte by byte. After a seek the times of frames may be wrong: in program
        streams FFmpeg gives them those of frames that are shown later."""
        return self.format in STREAM_FORMATS

    @property
    def announced_lengths_s(self) -> list[float]:
        """The duration in the container, in seconds: the stream's if given, else the container's; empty if neither."""
        if (ticks := self.stream.duration or 0) > 0:
            return [float(ticks * self.tick_s)]
        of_all_s = (self.container.duration or 0) / 1e6
        if of_all_s <= 0:
            return []
        return [min(of_all_s, self._track_length_s or of_all_s)]

    @property
    def _track_length_s(self) -> float | None:
        """The track's length from a Matroska tag; the sound may be longer."""
        if "matroska" not in self.format:
            return None
        tags = (_TRACK_LENGTH.match(self.stream.metadata.get(tag, "")) for tag in _TRACK_TAGS)
        lengths = (3600 * int(part[1]) + 60 * int(part[2]) + float(part[3]) for part in tags if part)
        return next(lengths, None)

    def packets(self) -> Iterator[Packet]:
        """All packets up to the end, or to where the file breaks off; the last is empty and flushes the decoder.

        In joined recordings the timestamps begin anew, or jump; here each continues where the one before it ends.
        """
        import av

        shift, end = 0, None
        try:
            for packet in self.container.demux(self.stream):
                if packet.dts is not None and self.is_stream:
                    ahead_s = 0 if end is None else (packet.dts + shift - end) * self.tick_s
                    if end is not None and (ahead_s < -JOIN_S or (ahead_s > GAP_S and packet.is_keyframe)):
                        shift, self.is_joined = end - packet.dts, True
                    end = packet.dts + shift + (packet.duration or 0)
                    if self.format == "mpeg" and ((packet.pts or 0) - packet.dts) * self.tick_s > GAP_S:
                        packet.pts = end - shift  # FFmpeg took it from the recording that follows
                if shift:
                    packet.pts = None if packet.pts is None else packet.pts + shift
                    packet.dts = None if packet.dts is None else packet.dts + shift
                yield packet
        except av.error.FFmpegError:
            return


@dataclass(frozen=True)
class PacketTimes:
    """When frames are shown, from their packets, in ticks of the stream.

    count: non-empty packets. stamps: ascending and distinct; None if a packet has no timestamp.
    last_stays: duration of the last one, 0 if it is not given.
    are_decoding_times: whether the file stores only decoding times, although frames may be shown in another order.
    is_joined: as in `OpenStream`; then the container announces the duration of one recording.
    """

    count: int
    stamps: list[int] | None
    last_stays: int = 0
    are_decoding_times: bool = False
    is_joined: bool = False


@contextmanager
def open_stream(file: BinaryIO, name: str, max_pixels: int) -> Iterator[OpenStream]:
    """The video stream of an open file that players show, from its start; ValueError if there is none that can be read.

    Of several streams that is the first one marked as default, such as the enabled track of a MOV, else the first one.
    """
    import av
    from av.stream import Disposition

    file.seek(0)
    try:
        container = av.open(file, "r", options={"format_whitelist": FORMATS}, **_lenient_tags())
    except av.error.FFmpegError as error:
        raise ValueError(f"{name}: not a video that can be read ({error.strerror})") from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise ValueError(f"{name}: has no video stream")
        stream = next((s for s in streams if s.disposition & Disposition.default), streams[0])
        codec, tick_s = stream.codec_context, stream.time_base
        if codec is None:
            raise ValueError(f"{name}: has no video stream in a known codec")
        if tick_s is None:
            raise ValueError(f"{name}: its video stream does not say what its timestamps count")
        if codec.width * codec.height > max_pixels:
            raise ValueError(f"{name}: frames of {codec.width} x {codec.height} pixels, at most {max_pixels} are read")
        codec.options = {"max_pixels": str(2 * max_pixels)}  # for sizes that change midway; coded sizes are padded
        codec.thread_type = "AUTO"
        colours = Colours(codec.color_trc, codec.color_primaries, codec.colorspace)  # the decoder resets them
        yield OpenStream(name, container, stream, tick_s, colours)


def read_packet_times(source: OpenStream, max_frames: int) -> PacketTimes:
    """Reads the timestamps of all packets without decoding. ValueError if there are more than `max_frames`."""
    if source.stream.frames > max_frames:
        raise ValueError(f"{source.name}: {source.stream.frames} frames, at most {max_frames} are read")
    count, stays, all_say = 0, dict[int, int](), not source.is_raw
    for packet in source.packets():
        if not packet.size or packet.is_discard:  # an edit list leaves out the discarded ones
            continue
        count += 1
        if count > max_frames:
            raise ValueError(f"{source.name}: over {count - 1} frames, at most {max_frames} are read")
        # AVI stores only decoding times; FFmpeg derives display times from them, late and out of order.
        stamp = packet.dts if source.format == "avi" else packet.pts
        if stamp is None:
            all_say = False
        else:
            stays[stamp] = packet.duration or 0
    if not stays or not all_say:
        return PacketTimes(count, None)
    stamps = sorted(stays)
    are_decoding_times = _are_decoding_times(source, stamps == list(stays))
    return PacketTimes(count, stamps, stays[stamps[-1]], are_decoding_times, source.is_joined)


def _are_decoding_times(source: OpenStream, is_sorted: bool) -> bool:
    """Whether the display times are really decoding times, so that decoded frames have times out of order."""
    if source.format == "avi":
        return True
    return source.format in ("asf", "mxf") and is_sorted and bool(source.stream.codec_context.has_b_frames)


def _lenient_tags() -> dict[str, Any]:
    """PyAV 17 and 18 refuse a file whose title is not UTF-8, unless this option is set; 19 does not have it."""
    import av

    return {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
