#!/usr/bin/env bash
# Builds wheel and sdist, installs each into fresh environments of several Pythons, and asks the shipped model from an
# empty folder, as `make ask` does from a clone. A line for each; the exit status is 1 where one fails.
#   packaging/try_install.sh [PYTHON...]        python3.11 python3.12 python3.13 without any
# Needs uv, which shares what it downloads between the environments. UV and WORK name the program and a folder to keep.
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD uv=${UV:-uv} work=${WORK:-$(mktemp -d)} failed=0
export PYTHONPATH= OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
[[ $# -gt 0 ]] || set -- python3.11 python3.12 python3.13

"$uv" build --quiet --out-dir "$work/dist" || exit 1
mkdir -p "$work/empty"
for python in "$@"; do
  for built in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
    environment=$work/${python##*/}-${built##*.}
    said=$({ "$uv" venv --quiet --clear --python "$python" "$environment" \
      && "$uv" pip install --quiet --python "$environment/bin/python" -c "$root/constraints.txt" "$built" \
      && cd "$work/empty" && "$environment/bin/demiglace" ask "$root/samples/heading.png" "Read the text."; } 2>&1)
    status=$?
    [[ $status = 0 ]] || failed=1
    printf '%s, %s: status %s: %s\n' "${python##*/}" "${built##*/}" "$status" "$(tail -n 1 <<<"$said")"
  done
done
exit $failed
