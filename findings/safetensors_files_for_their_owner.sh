#!/usr/bin/env bash
# One would guess that safetensors' save_file makes a file as open(..., "w") does: readable as the umask says, and that it
# keeps the permissions, and a link, where it writes over a file. It makes one that its owner alone can read (0600), whatever
# the umask; a file of 0644 is 0600 after it is saved again, and a link becomes a file of its own. Writing the bytes of save()
# by hand does none of this. A checkpoint saved by root, or by one user of a cluster, cannot be read by the server or by the
# others, and a "latest.safetensors" that was a link leaves its target as it was, in silence.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import os
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save, save_file

os.umask(0o022)
old, new = {"weight": np.zeros(3, np.float32)}, {"weight": np.ones(3, np.float32)}


def mode(name):
    return oct(os.stat(name).st_mode & 0o777)


Path("by_hand.safetensors").write_bytes(save(old))
save_file(old, "saved.safetensors")
made = mode("by_hand.safetensors"), mode("saved.safetensors")

os.chmod("saved.safetensors", 0o644)
save_file(old, "saved.safetensors")
again = mode("saved.safetensors")

os.symlink("saved.safetensors", "latest.safetensors")
save_file(new, "latest.safetensors")
is_link, target = os.path.islink("latest.safetensors"), load_file("saved.safetensors")["weight"].tolist()

print("safetensors", version("safetensors"))
print("expected: 0o644 by hand, 0o600 by save_file and again after chmod 644; the link is gone, its target unchanged")
print("made by hand, by save_file:", *made, "| saved again over 0o644:", again)
print("still a link:", is_link, "| target holds:", target)
sys.exit((*made, again, is_link, target) != ("0o644", "0o600", "0o600", False, [0.0, 0.0, 0.0]))
PYTHON
