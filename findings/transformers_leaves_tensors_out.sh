#!/usr/bin/env bash
# A buffer with `persistent=False` is what PyTorch has for tables that are computed anew and not stored. `from_pretrained` of
# transformers 5 makes a model without memory and fills in what the file holds: such a buffer, computed in `__init__`, comes back
# with whatever lay in that memory, and a tensor that is a plain attribute stays on "meta". Neither an error nor a warning says
# so, and `output_loading_info` lists nothing. transformers 4 kept what `__init__` had computed. `_init_weights` must fill them in
# again, for each module.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
for version in 4.57.6 5.24.0; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 "transformers==$version" 2> /dev/null
done
cat > "$work/load.py" <<'PYTHON'
import json
import logging
import sys
import warnings

import torch
import transformers
from transformers import PretrainedConfig, PreTrainedModel

COMPUTED = torch.arange(1.0, 257.0)


class TableConfig(PretrainedConfig):
    model_type = "table_of_its_own"


class TableModel(PreTrainedModel):
    config_class = TableConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 4)
        self.register_buffer("stored", COMPUTED.clone())
        self.register_buffer("not_stored", torch.arange(1.0, 257.0), persistent=False)
        self.attribute = torch.arange(1.0, 257.0)
        self.post_init()


class RefillingModel(TableModel):
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, TableModel):
            module.not_stored.copy_(COMPUTED)


def is_right(tensor):
    return tensor.device.type != "meta" and torch.equal(tensor, COMPUTED)


said = []
logging.getLogger("transformers").addHandler(logging.Handler())
logging.getLogger("transformers").handlers[-1].emit = lambda record: said.append(record.getMessage())
TableModel(TableConfig()).save_pretrained("model")
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    model, report = TableModel.from_pretrained("model", output_loading_info=True)
refilled = RefillingModel.from_pretrained("model")
print(json.dumps({
    "version": transformers.__version__,
    "stored buffer": is_right(model.stored),
    "buffer that is not stored": is_right(model.not_stored),
    "plain attribute": is_right(model.attribute),
    "the buffer, filled in by _init_weights": is_right(refilled.not_stored),
    "told": sorted(str(key) for value in report.values() for key in value) + said + [str(one.message) for one in warned],
}))
PYTHON
cd "$work"
"$work/4.57.6/bin/python" load.py > four.json 2> /dev/null
"$work/5.24.0/bin/python" load.py > five.json 2> /dev/null
python3 - <<'PYTHON'
import json
import sys

four, five = (json.load(open(name)) for name in ("four.json", "five.json"))
print("expected: what __init__ computed is there in both")
for seen in (four, five):
    print("seen:", seen)
names = ("stored buffer", "buffer that is not stored", "plain attribute", "the buffer, filled in by _init_weights")
sys.exit(not ([four[name] for name in names] == [True] * 4 and [five[name] for name in names] == [True, False, False, True]
              and not five["told"]))
PYTHON
