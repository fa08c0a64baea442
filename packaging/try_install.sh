#!/usr/bin/env bash
# Builds wheel and sdist, installs each into fresh environments of several Pythons, and asks the shipped model from an
# empty folder, as `make ask` does from a clone; then adds the extras of docs/evaluation.md and evaluates a few questions
# as it says; then adds that of docs/serving.md, starts the server and asks it by OpenAI's client. A line for each; the exit
# status is 1 where one fails.
#   packaging/try_install.sh [PYTHON...]        python3.11 python3.12 python3.13 without any
# Needs uv, which shares what it downloads between the environments. UV and WORK name the program and a folder to keep.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD uv=${UV:-uv} work=${WORK:-$(mktemp -d)} failed=0
export PYTHONPATH= OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
[[ $# -gt 0 ]] || set -- python3.11 python3.12 python3.13

"$uv" build --quiet --out-dir "$work/dist" || exit 1
mkdir -p "$work/empty"

# What is tried, and its last line; each runs in a subshell, so that folders and options stay its own.
tell() {
  local name=$1 said status
  shift
  said=$("$@" 2>&1)
  status=$?
  [[ $status = 0 ]] || failed=1
  printf '%s: status %s: %s\n' "$name" "$status" "$(tail -n 1 <<<"$said")"
}

ask() (
  "$uv" venv --quiet --clear --python "$1" "$2" && "$uv" pip install --quiet --python "$2/bin/python" -c "$root/constraints.txt" "$3" \
    && cd "$work/empty" && "$2/bin/demiglace" ask "$root/samples/heading.png" "Read the text."
)

evaluate() (
  "$uv" pip install --quiet --python "$1/bin/python" -c "$root/constraints.txt" "$2[eval,train]" easy-vqa \
    && cd "$work/empty" && "$1/bin/demiglace" eval nano easy_vqa drawn --limit 10 --out "$1/results"
)

serve() (
  "$uv" pip install --quiet --python "$1/bin/python" -c "$root/constraints.txt" "$2[serve]" && cd "$work/empty" || exit 1
  port=$("$1/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$1/bin/demiglace" serve nano --port "$port" >"$1/server.log" 2>&1 &
  trap 'kill $! && wait $!' EXIT
  "$1/bin/python" "$root/packaging/ask_server.py" "http://127.0.0.1:$port" "$root/samples/heading.png" "Read the text."
)

for python in "$@"; do
  for built in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
    environment=$work/${python##*/}-${built##*.}
    name="${python##*/}, ${built##*/}"
    tell "$name, ask" ask "$python" "$environment" "$built"
    tell "$name, eval" evaluate "$environment" "$built"
    tell "$name, serve" serve "$environment" "$built"
  done
done
exit $failed
