"""A verifier behind a server: what is sent, what is read, and a server that is away, refuses or talks nonsense."""

import json
import math
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import PIL.Image
import pytest

from demiglace.conversation import Conversation, Image, Video, VideoSampling
from demiglace.rl.server_verifier import ServerVerifier, only_model


def answered(text="yes", share=0.8):
    likeliest = [{"token": text, "logprob": math.log(share)}, {"token": "no", "logprob": math.log(1 - share)}]
    content = [{"token": text, "logprob": math.log(share), "top_logprobs": likeliest}]
    return {"choices": [{"message": {"content": "Is it red?"}, "logprobs": {"content": content}}]}


@contextmanager
def server(*responses):
    """Answers with each in turn, the last one for ever: a status, or what to say. Its address, and what it was sent."""
    sent, waiting = [], list(responses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer()

        def do_GET(self):
            self.answer()

        def answer(self):
            response = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            text = response if isinstance(response, bytes) else json.dumps(response).encode()
            self.send_response(response if isinstance(response, int) else 200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *message):
            """Silent."""

    one = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=one.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{one.server_port}/v1", sent
    finally:
        one.shutdown()
        one.server_close()
        thread.join()


def verifier(address, waits=None, patience=60.0):
    return ServerVerifier(address, "judge", patience, wait=(waits if waits is not None else []).append)


ASKED = Conversation.ask("Is it red?", Image(PIL.Image.new("RGB", (8, 8), "red")))


def test_a_question_is_sent_with_its_picture_and_the_first_token_is_read():
    with server(answered()) as (address, sent):
        (found,) = verifier(address).verdicts([ASKED])
    assert found.yes == pytest.approx(0.8)
    assert found.no == pytest.approx(0.2)
    (request,) = sent
    picture, text = request["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert text == {"type": "text", "text": "Is it red?"}
    assert (request["model"], request["max_tokens"], request["top_logprobs"]) == ("judge", 1, 20)
    assert request["logprobs"] is True
    assert request["chat_template_kwargs"] == {"enable_thinking": False}


def test_videos_go_as_files_or_as_frames(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"held")
    frames = tuple(PIL.Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    with server(answered()) as (address, sent):
        for source in (b"held", tmp_path / "clip.mp4", frames):
            verifier(address).verdicts([Conversation.ask("Is it red?", Video(source))])
        chosen = VideoSampling(fps=5, package_frames=4, force_package_frames=True, max_packages=7, start=1.0)
        verifier(address).verdicts([Conversation.ask("Is it red?", Video(b"held", chosen))])
    *shown, last = [request["messages"][0]["content"][0]["video_url"] for request in sent]
    numbers = {"fps": 5, "package_frames": 4, "force_package_frames": True, "max_packages": 7, "start": 1.0}
    assert last | {"url": ""} == {"url": "", **numbers}
    addresses = [video["url"] for video in shown]
    assert addresses[0] == addresses[1] == "data:video/mp4;base64,aGVsZA=="
    assert addresses[2].startswith("data:video/jpeg;base64,")
    assert addresses[2].count(",") == 2


def test_many_questions_keep_their_order():
    with server(answered()) as (address, sent):
        assert len(verifier(address).verdicts([ASKED] * 20)) == len(sent) == 20


def test_it_writes_lists_of_claims_too():
    with server(answered()) as (address, sent):
        assert verifier(address).write(["Write questions."]) == ["Is it red?"]
    (choice,) = answered()["choices"]
    with server({"choices": [choice | {"finish_reason": "length"}]}) as (address, _):
        assert verifier(address).write(["Write questions."]) == [None]
    assert sent[0]["messages"][0]["content"][0]["text"] == "Write questions."
    # A server would take what is missing from the checkpoint: a penalty makes another text, also at temperature 0.
    greedy = {"temperature": 0, "top_p": 1, "top_k": -1, "min_p": 0, "repetition_penalty": 1}
    assert greedy.items() <= sent[0].items()


def test_a_server_that_is_busy_is_asked_again():
    waits = []
    with server(503, 429, answered()) as (address, sent):
        (found,) = verifier(address, waits).verdicts([ASKED])
    assert found.yes == pytest.approx(0.8)
    assert len(sent) == 3
    assert waits == [1.0, 2.0]


def test_a_server_that_stays_away_ends_it_after_a_bound():
    with server(answered()) as (address, _):
        pass
    with pytest.raises(
        ValueError, match=r"has not answered for 0 s \(.*refused.*\); all answers judged so far are saved"
    ):
        verifier(address, patience=0.5).verdicts([ASKED])


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (404, r"the verifier at .* refuses \(404\): 404"),
        (b"<html>", "answers with no JSON: b'<html>'"),
        ({"choices": []}, r"answers without choices\.0\.logprobs\.content\.0\.top_logprobs"),
        (answered() | {"choices": [{"logprobs": None}]}, r"answers without choices\.0\.logprobs"),
        ({"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "yes"}]}]}}]}, "answers without logprob"),
    ],
)
def test_a_server_that_refuses_or_answers_in_another_shape_is_told_at_once(response, message):
    waits = []
    with server(response) as (address, _), pytest.raises(ValueError, match=message):
        verifier(address, waits).verdicts([ASKED])
    assert waits == []


def test_the_first_model_of_a_server_is_found():
    with server({"data": [{"id": "judge"}]}) as (address, _):
        assert only_model(address) == "judge"
    with pytest.raises(ValueError, match="does not tell its models"):
        only_model(address)


def test_what_does_not_speak_http_tells_no_models():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"

        def greet():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ValueError, match=r"does not tell its models: SSH-2\.0-OpenSSH$"):
            only_model(address)
        thread.join()
