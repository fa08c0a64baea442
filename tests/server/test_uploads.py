"""Files uploaded by OpenAI's client, shown later by their ids."""

from __future__ import annotations

import logging
import random
import socket
import time

import httpx
import openai
import pytest
from running_server import SAMPLES

from demiglace.server.errors import ApiError
from demiglace.server.uploads import Upload, Uploads, upload_of


def test_an_uploaded_file_is_shown_by_its_id(openai_client: openai.OpenAI) -> None:
    uploaded = openai_client.files.create(file=SAMPLES / "heading.png", purpose="vision")
    assert uploaded.filename == "heading.png"
    assert uploaded.bytes == (SAMPLES / "heading.png").stat().st_size
    assert openai_client.files.retrieve(uploaded.id) == uploaded
    content = [{"type": "file", "file": {"file_id": uploaded.id}}, {"type": "text", "text": "Read the text."}]
    answer = openai_client.chat.completions.create(
        model="nano", messages=[{"role": "user", "content": content}], temperature=0
    )
    assert answer.choices[0].message.content == "Region-based segmentation"
    assert openai_client.files.delete(uploaded.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such file"):
        openai_client.files.retrieve(uploaded.id)


def test_a_client_that_leaves_in_the_middle_is_no_error_of_ours(
    client: httpx.Client, address: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "handlers", [caplog.handler])
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port)) as leaving:
        head = "POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=c\r\n"
        leaving.sendall(f"{head}Content-Length: 1000\r\n\r\n--c\r\n".encode())
    left = 'demiglace_requests_total{route="/v1/files",status="499"}'
    for _ in range(100):
        if left in client.get("/metrics").text:
            break
        time.sleep(0.05)
    assert left in client.get("/metrics").text
    assert caplog.text == ""


@pytest.mark.parametrize("seed", range(3))
def test_a_form_gives_back_any_bytes(seed: int) -> None:
    data = random.Random(seed).randbytes(5000) + b"\r\n--\r\n\n\r\r\n"
    body = (
        b'--cut\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nvision\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a b.png"\r\nContent-Type: image/png\r\n\r\n'
        + data
        + b"\r\n--cut--\r\n"
    )
    found = upload_of('multipart/form-data; boundary="cut"', body)
    assert (found.name, found.purpose, found.data) == ("a b.png", "vision", data)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("", b""),
        ("application/json", b"{}"),
        ("multipart/form-data", b"--cut\r\n"),
        ("multipart/form-data; boundary=cut", b"--cut--\r\n"),
        (
            "multipart/form-data; boundary=cut",
            b'--cut\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--cut--',
        ),
        ("multipart/form-data; boundary=cut", b"--cut\r\n\r\n\xff\r\n--cut--"),
    ],
)
def test_forms_without_a_file_are_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        upload_of(content_type, body)
    assert caught.value.status == 400


def test_the_oldest_leave_where_there_are_too_many_bytes() -> None:
    uploads = Uploads(10)
    files = [Upload(str(number), "", b"x" * 4) for number in range(3)]
    for file in files:
        uploads.add(file)
    with pytest.raises(ApiError):
        uploads.get(files[0].id)
    assert [uploads.get(file.id) for file in files[1:]] == files[1:]
