#!/usr/bin/env bash
# Installs Debian's Chromium for the browser tests where it is absent and we may; else those tests skip.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "chromium is absent and cannot be installed here: browser tests will skip" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; then
    echo "apt-get could not install chromium: browser tests will skip" >&2
fi
