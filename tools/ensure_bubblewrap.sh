#!/bin/sh
# Make sure that bubblewrap is there: through the package manager where that is allowed, else say what to run.
set -eu
command -v bwrap >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1; then install="apt-get install -y bubblewrap"
elif command -v dnf >/dev/null 2>&1; then install="dnf install -y bubblewrap"
elif command -v pacman >/dev/null 2>&1; then install="pacman -S --noconfirm bubblewrap"
elif command -v apk >/dev/null 2>&1; then install="apk add bubblewrap"
else
    echo "bubblewrap (bwrap) is missing, and no known package manager is here: install it, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo"
else
    echo "bubblewrap (bwrap) is missing. Install it, then run make again:" >&2
    echo "    sudo $install" >&2
    exit 1
fi
echo "installing bubblewrap: $sudo $install" >&2
case $install in apt-get*) $sudo apt-get update -qq ;; esac
$sudo $install
