#!/usr/bin/env bash
# `mkdocs build --strict` ends with status 1 where a page has a warning, such as a link to a page that is not there. One
# would guess that --quiet takes the messages away and leaves the status. mkdocs counts warnings in a handler of its
# logger, and --quiet raises the level of that logger: none are counted, and every broken link passes a strict build.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mkdocs==1.6.1
cd "$folder"
mkdir docs
echo "site_name: Site" >mkdocs.yml
echo "[nowhere](nowhere.md)" >docs/index.md
status() { local result=0; "$folder/venv/bin/mkdocs" "$@" >/dev/null 2>&1 || result=$?; echo "$result"; }
loud=$(status build --strict)
quiet=$(status build --strict --quiet)
"$folder/venv/bin/mkdocs" --version
echo "expected: status 1 for a broken link with --strict, with --quiet and without"
echo "seen:     $loud without, $quiet with --quiet"
[[ $loud == 1 && $quiet == 0 ]] || { echo "no longer so"; exit 1; }
