#!/usr/bin/env bash
# tokenizer.json gives every added token an "id". One would guess that a token listed with id 500 is read as 500.
# tokenizers numbers added tokens in turn instead and passes over the id in the file, without an error or a warning:
# where there is a gap, the token comes as another id, and is saved as that. A model trained with the ids of the file
# looks up another row of its embeddings, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tokenizers==0.23.3
"$folder/venv/bin/python" - <<'PYTHON'
import json

import tokenizers

backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={"a": 0, "b": 1}, merges=[]))
backend.add_tokens(["<loc_1>"])
file = json.loads(backend.to_str())
file["added_tokens"][0]["id"] = 500
read = tokenizers.Tokenizer.from_str(json.dumps(file))
saved = json.loads(read.to_str())["added_tokens"][0]["id"]
print("tokenizers", tokenizers.__version__)
print("expected: <loc_1> is 500, as the file says, or the file is refused")
print("seen:     <loc_1> is", read.encode("<loc_1>").ids, "and is saved as", saved)
assert read.encode("<loc_1>").ids == [2] and saved == 2, "no longer so"
PYTHON
