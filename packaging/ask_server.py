"""Asks a server that is coming up about a picture, with OpenAI's client: `ask_server.py ADDRESS PICTURE QUESTION`."""

import base64
import sys
import time
from pathlib import Path

from openai import APIConnectionError, APIStatusError, OpenAI

READY_S = 300  # torch is loaded for the first time in a fresh environment


def main(address: str, picture: str, question: str) -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="none")
    name = _served(client)
    coded = base64.b64encode(Path(picture).read_bytes()).decode()
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{coded}"}},
        {"type": "text", "text": question},
    ]
    answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": parts}], temperature=0)
    print(answer.choices[0].message.content)


def _served(client: OpenAI) -> str:
    """The name of its model, once it answers; the error of the last try after READY_S."""
    end = time.monotonic() + READY_S
    while True:
        try:
            return client.models.list().data[0].id
        except (APIConnectionError, APIStatusError):
            if time.monotonic() > end:
                raise
            time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
