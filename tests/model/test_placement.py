"""Devices and dtypes by name, and what suits a device."""

import pytest
import torch

from demiglace.model.placement import default_dtype, device_named, dtype_named


def test_dtypes_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_dtype("cuda") == default_dtype(torch.device("mps")) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    for has_units, dtype in ((False, torch.float32), (True, torch.bfloat16)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has_units=has_units: has_units)
        assert default_dtype("cpu") == dtype


def test_names_of_dtypes() -> None:
    device = torch.device("cpu")
    assert dtype_named("float16", device) == torch.float16
    assert dtype_named(None, device) == default_dtype(device)
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16, float16, got 'int8'"):
        dtype_named("int8", device)


def test_names_of_devices() -> None:
    assert device_named("cpu") == torch.device("cpu")
    assert device_named(None).type in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["meta", "cpu:1", "nothing"])
def test_devices_that_cannot_be_used_are_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^device '{name}' cannot be used here: [^\n]+$"):
        device_named(name)
