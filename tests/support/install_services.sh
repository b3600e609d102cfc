#!/usr/bin/env bash
# Installs what the tests use besides Python: PostgreSQL, PgBouncer, Redis, nginx, strace, iproute2, Chromium
# and Firefox.
# Where that is not possible, the tests that need them are skipped and say so.
set -u

a_browser() { command -v chromium || command -v google-chrome; }

missing=()
command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx)
command -v strace >/dev/null || missing+=(strace)
command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing+=(iproute2)
a_browser >/dev/null || missing+=(chromium)
command -v firefox-esr >/dev/null || command -v firefox >/dev/null || missing+=(firefox-esr)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  # RUNLEVEL: the tests start servers of their own, so the packages' services need not run.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get -qq update
  # Where there is Chromium without windows, most browser tests take half as long with it.
  apt-cache show chromium-headless-shell >/dev/null 2>&1 && missing+=(chromium-headless-shell)
  # Ubuntu has no firefox-esr, and apt installs all that it is given or nothing.
  apt-cache show firefox-esr >/dev/null 2>&1 || missing=("${missing[@]//firefox-esr/firefox}")
  echo "Installing ${missing[*]} for the tests."
  apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null && exit 0
fi
a_browser >/dev/null || {
  echo "Chromium is not in reach of apt: trying the browser that Playwright brings."
  .venv/bin/playwright install chromium
}
echo "WARNING: could not install all of: ${missing[*]}. The tests that need them will be skipped." >&2
exit 0
