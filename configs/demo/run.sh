#!/bin/sh
# The main job of the README: the PRD beside this file, carried out by simulated agents in a scratch repository.
# Makes .venv with squad in it unless it is there, or SQUAD says what to run; leaves the scratch repository to be looked at.
set -eu
home=$(cd "$(dirname "$0")/../.." && pwd)
squad=${SQUAD:-$home/.venv/bin/squad}
if [ -z "${SQUAD:-}" ] && [ ! -x "$squad" ]; then
    python3 -m venv "$home/.venv"
    "$home/.venv/bin/pip" install --quiet --disable-pip-version-check --editable "$home"
fi
scratch=$(mktemp -d)
cp "$home/configs/demo/feature-prd.md" "$scratch/"
cd "$scratch"
git init --quiet
git add --all
git -c user.name=demo -c user.email=demo@localhost commit --quiet --message "Start"
echo "scratch repository: $scratch" >&2
$squad run feature-prd.md --agent simulated
