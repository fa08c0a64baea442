"""Encoder and resampler for llama.cpp: all its tensors by their names there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from quantised_checkpoints import wide_checkpoint, wide_config

from demiglace.integrations.gguf.projector import why_not_computed, write_projector
from demiglace.model import weights
from demiglace.model.presets import preset

gguf = pytest.importorskip("gguf")


def test_all_tensors_and_sizes(tmp_path: Path) -> None:
    folder = wide_checkpoint(tmp_path / "model")
    with weights.open_floats(folder) as (config, files):
        write_projector(tmp_path / "mmproj.gguf", config, 448, files)
    reader, state = gguf.GGUFReader(tmp_path / "mmproj.gguf"), weights.load(folder, torch.float32).state_dict()
    found = {one.name: gguf.quants.dequantize(one.data, one.tensor_type) for one in reader.tensors}
    assert len(found) == 2 * 16 + 23  # 455 with the released 27 layers
    wanted = {
        "v.patch_embd.weight": state["vpm.embeddings.patch_embedding.weight"],
        "v.position_embd.weight": state["vpm.embeddings.position_embedding.weight"],
        "v.blk.1.attn_out.weight": state["vpm.encoder.layers.1.self_attn.out_proj.weight"],
        "v.blk.1.ffn_up.weight": state["vpm.encoder.layers.1.mlp.fc1.weight"],
        "v.blk.1.ffn_down.bias": state["vpm.encoder.layers.1.mlp.fc2.bias"],
        "v.post_ln.bias": state["vpm.post_layernorm.bias"],
        "resampler.query": state["resampler.query"],
        "resampler.proj.weight": state["resampler.proj"].T,
        "resampler.kv.weight": state["resampler.kv_proj.weight"],
        "resampler.attn.k.weight": state["resampler.attn.in_proj_weight"][128:256],
        "resampler.attn.v.bias": state["resampler.attn.in_proj_bias"][256:],
        "resampler.ln_post.weight": state["resampler.ln_post.weight"],
    }
    for name, tensor in wanted.items():
        assert np.allclose(found[name], tensor.numpy(), rtol=2**-10, atol=1e-6), name
    assert found["resampler.pos_embed_k"].shape == (4900, 128)
    told = {key: field.contents() for key, field in reader.fields.items()}
    assert told["clip.projector_type"] == "resampler"
    assert told["clip.minicpmv_version"] == 6
    assert reader.fields["clip.minicpmv_version"].types == [gguf.GGUFValueType.INT32]
    assert told["clip.minicpmv_query_num"] == 64
    assert told["clip.vision.image_size"] == 448
    assert told["clip.vision.block_count"] == 2


def test_the_release_is_computed_there_and_smaller_sizes_are_not(tmp_path: Path) -> None:
    assert why_not_computed(preset("8b")) is None
    assert why_not_computed(preset("nano")) == "heads of the resampler have 32 numbers, and 128 there"
    wide = wide_config(384)
    few = replace(wide, vision=replace(wide.vision, num_positions_per_side=32))
    assert why_not_computed(few) == "pictures have 32 positions a side, and 70 there"
    with (
        weights.open_floats(wide_checkpoint(tmp_path / "model")) as (_, files),
        pytest.raises(ValueError, match="32 pos"),
    ):
        write_projector(tmp_path / "mmproj.gguf", few, 448, files)
