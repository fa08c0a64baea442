"""POST /v1/preview: what the model sees of a conversation, without generating an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from demiglace.server.file_options import FileOptions
from demiglace.server.protocol import PreviewRequest
from demiglace.server.requests import by_param, check_fields, job_of, thinking_of
from demiglace.server.service import Service


async def preview(request: PreviewRequest, service: Service) -> dict[str, Any]:
    """Tokens of the prompt, and each file with its slices or packages; raises ApiError as for an answer."""
    check_fields(request)
    thinking, _ = thinking_of(request, service.thinks_by_name(request.model))
    async with service.held():
        job = await job_of(by_param(request.messages), FileOptions.of(request), thinking, service.sources)
        prepared = await service.prepare(replace(job, shows_pictures=bool(request.pictures)))
    return {
        "object": "preview",
        "model": request.model or service.name,
        "prompt_tokens": len(prepared.sample.tokens),
        "visual_tokens": len(prepared.sample.visual_places),
        "max_tokens": service.room + 1,
        "media": [{**file.usage, **file.details} for file in prepared.files],
        "notes": list(prepared.notes),
    }
