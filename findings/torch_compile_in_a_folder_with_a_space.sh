#!/usr/bin/env bash
# One would guess that where temporary files lie makes no difference to torch.compile. On a CPU torch writes C++ and a precompiled
# header into a folder of TMPDIR, and names the header to g++ by a command that is taken apart at spaces. Where TMPDIR has a space
# in its name, as "/tmp/my project" or a user's folder, the first call of a compiled function is a CppCompileError. Needs g++.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 2> /dev/null
cat > "$work/compiled.py" <<'PYTHON'
import torch

numbers = torch.arange(64.0)
compiled = torch.compile(lambda x: (x.sin() * 2 + x.cos()).sum())
try:
    is_right = torch.allclose(compiled(numbers), (numbers.sin() * 2 + numbers.cos()).sum())
    found = "computes as without" if is_right else "computes something else"
except Exception as error:
    said = [line for line in str(error).splitlines() if "fatal error:" in line]
    found = f"{type(error).__name__}: {said[0] if said else str(error).splitlines()[0]}"
print(found)
PYTHON
run() {
  mkdir -p "$work/$1"
  TMPDIR="$work/$1" TORCHINDUCTOR_CACHE_DIR="$work/cache$2" "$work/venv/bin/python" "$work/compiled.py" 2> /dev/null
}
"$work/venv/bin/python" -c "from importlib.metadata import version; print('torch', version('torch'))"
plain=$(run without_a_space 1); echo "TMPDIR without a space: $plain"
spaced=$(run "with a space" 2); echo "TMPDIR with a space: $spaced"
echo "expected: it computes as without; and a fatal error of g++ about a file of another name"
[ "$plain" = "computes as without" ] && [[ "$spaced" == *"fatal error:"* ]]
