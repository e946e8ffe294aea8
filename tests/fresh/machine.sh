#!/usr/bin/env bash
# A stranger's machine: a bare Debian, a private home, and the README's two commands in a clean clone of the commit.
#   tests/fresh/machine.sh [COMMAND...]      default: make demo ARGS=--once, then make test
# AS=root runs them as root, else as an ordinary user. FRESH names the folder that keeps the bare system between runs; each
# run works on a copy, so that nothing which a command installs is there the next time.
# Exit 0: every command succeeded. 1: one failed. 77: no such machine can be made here; the reason is printed.
set -euo pipefail

cannot() { echo "test-fresh: $1" >&2; exit 77; }

[ "$(id -u)" = 0 ] || cannot "needs root, for a system in a folder of its own: sudo make test-fresh"
unshare --mount --pid --fork true 2>/dev/null || cannot "needs mounts of its own (unshare --mount), which this machine forbids"

project=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
kept=${FRESH:-/var/tmp/sms-notify-fresh}
user=${AS:-sysadmin}
home=/home/$user; [ "$user" = root ] && home=/root
[ $# -gt 0 ] || set -- "make demo ARGS=--once" "make test"

bare_system() {
  exec 9>"$kept.lock"; flock 9  # two runs at once make one system
  [ -f "$kept/.ready" ] && { exec 9>&-; return; }
  command -v debootstrap >/dev/null || echo "test-fresh: INSTALLING debootstrap on this machine ..."
  command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap >/dev/null; } ||
    cannot "needs debootstrap, and apt-get could not install it"
  local mirror
  mirror=$(sed -nE 's/^(URIs:|deb) +(\[[^]]*\] +)?(https?:[^ ]+).*/\3/p' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -n 1) || true
  echo "test-fresh: making a bare Debian in $kept ..."
  rm -rf "$kept"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,make,git bookworm "$kept" $mirror >"$kept.log" 2>&1 ||
    { tail -n 5 "$kept.log"; cannot "debootstrap failed, see $kept.log"; }
  touch "$kept/.ready"
  exec 9>&-
}

# Where packages come from is the machine's own business; no package itself comes along.
way_to_packages() {
  cp -a /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  cp -aL --remove-destination /etc/ssl/certs/. "$1/etc/ssl/certs/" 2>/dev/null || true  # a link may lead nowhere
  local file
  for file in /etc/pip.conf "$HOME/.config/pip/pip.conf"; do
    [ ! -f "$file" ] || { install -D -m 644 "$file" "$1/etc/pip.conf"; break; }
  done
}

bare_system
find "$(dirname "$kept")" -maxdepth 1 -name "$(basename "$kept").??????" -mmin +600 -exec rm -rf --one-file-system {} +  # of runs that were killed
system=$(mktemp -d "$kept.XXXXXX")
# Mounts are those of the namespace below and end with it: nothing but the copy is left to remove.
trap 'rm -rf --one-file-system "$system"' EXIT
cp -a "$kept/." "$system/"
way_to_packages "$system"
chroot "$system" sh -c "id $user >/dev/null 2>&1 || useradd -m -s /bin/bash $user; chmod 700 /home/* /root 2>/dev/null || true"
git clone -q "$project" "$system$home/project"
chroot "$system" chown -R "$user" "$home/project"
passed_on=$(env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT))=' || true)

# pivot_root and not chroot: in a chroot no user may make a namespace, and the tests of a full disk need one.
enter='mount --make-rprivate / && mount --bind "$0" "$0" && cd "$0" && mount -t proc proc proc && mount --rbind /sys sys &&
  mount --rbind /dev dev && mkdir -p .before && pivot_root . .before && umount -l .before && rmdir .before &&
  exec env -i HOME="$1" USER="$2" LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin $3 su -p "$2" -c "cd $1/project && $4"'
failed=0
for command in "$@"; do
  began=$SECONDS rc=0
  unshare --mount --pid --fork --kill-child sh -c "$enter" "$system" "$home" "$user" "$passed_on" "$command" </dev/null || rc=$?
  echo "== $user: $command: exit $rc in $((SECONDS - began)) s"
  [ $rc = 0 ] || failed=1
done
exit $failed
