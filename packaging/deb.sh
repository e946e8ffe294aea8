#!/usr/bin/env bash
# Makes the Debian package of the wheel in dist/ and of the libraries in dist/wheels, as requirements/packaged.txt pins them.
#   packaging/deb.sh PIP_PYTHON         a Python that has pip; `make deb` says .venv/bin/python
# Needs Debian with its own python3, and no root. DEB_REVISION (default 1) and DEB_MAINTAINER may be set. The same commit
# makes the same bytes on the same release of Debian, wherever the checkout lies.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
pip_python=$1
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
maintainer=${DEB_MAINTAINER:-The sms-notify authors <sms-notify@localhost>}
stage=build/deb
home=opt/sms-notify
files=packaging/debian

command -v dpkg-deb >/dev/null || { echo "make deb needs dpkg-deb: build on Debian"; exit 1; }
wheel=$(echo dist/sms_notify-*-py3-none-any.whl)
upstream=${wheel#dist/sms_notify-} upstream=${upstream%-py3-none-any.whl}
version=$upstream-${DEB_REVISION:-1}
python=$(/usr/bin/python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
packages=$home/lib/$python/site-packages
"$pip_python" -c "import sys; sys.exit('python%d.%d' % sys.version_info[:2] != '$python')" ||
  { echo "the libraries would be those of another Python than Debian's $python: make clean deb PYTHON=/usr/bin/python3"; exit 1; }

# A virtual environment by hand: `python -m venv` would write this folder's path into it.
environment() {
  rm -rf $stage
  mkdir -p $stage/$home/bin $stage/$packages
  printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "${python#python}" >$stage/$home/pyvenv.cfg
  ln -s "/usr/bin/$python" $stage/$home/bin/python
  ln -s python $stage/$home/bin/python3
}

libraries() {
  local install=("$pip_python" -m pip --disable-pip-version-check --python $stage/$home/bin/python install
    --quiet --no-input --no-compile --no-warn-script-location --no-index)
  "${install[@]}" --require-hashes --find-links dist/wheels -r requirements/packaged.txt
  "${install[@]}" --no-deps --find-links dist "sms-notify==$upstream"
  find $stage/$home/bin -type f -delete  # scripts of the libraries; and all begin with this folder's path
  sed -i -E '/^(\.\.\/)+(bin|share)\//d' $stage/$packages/*.dist-info/RECORD
  printf '#!/%s/bin/python\nfrom sms_notify.cli import main\n\nmain()\n' $home >$stage/$home/bin/sms-notify
  chmod 755 $stage/$home/bin/sms-notify
}

# What the wheel brings in share/ goes to where Debian looks for it.
shared() {
  local from=$stage/$home/share to=$stage/usr/share
  mkdir -p $to/doc $to/zsh $to/man/man1
  mv $from/sms-notify $to/doc/sms-notify
  mv $from/bash-completion $from/fish $to/
  mv $from/zsh/site-functions $to/zsh/vendor-completions
  mv $from/man/man1/sms-notify*.1 $to/man/man1/
  rm -r $from
  gzip -9n $to/man/man1/*.1
  install -D -m 644 $files/lintian-overrides $to/lintian/overrides/sms-notify
}

documents() {
  local to=$stage/usr/share/doc/sms-notify
  { cat $files/copyright; sed -e 's/^$/./' -e 's/^/ /' LICENSE; } >$to/copyright
  gzip -9nc CHANGELOG.md >$to/changelog.gz
  printf 'sms-notify (%s) stable; urgency=medium\n\n  * changelog.gz says what changed.\n\n -- %s  %s\n' \
    "$version" "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >$to/changelog.Debian.gz
}

service() {
  install -D -m 644 integrations/systemd/sms-notify.service $stage/usr/lib/systemd/system/sms-notify.service
  install -D -m 644 integrations/systemd/sms-notify.sysusers $stage/usr/lib/sysusers.d/sms-notify.conf
  install -D -m 644 integrations/systemd/sms-notify.tmpfiles $stage/usr/lib/tmpfiles.d/sms-notify.conf
  install -D -m 644 $files/sms-notify.yml.example $stage/etc/sms-notify/sms-notify.yml.example
  mkdir -p $stage/usr/bin $stage/usr/lib/sms-notify
  ln -s /$home/bin/sms-notify $stage/usr/bin/sms-notify
  # The hooks' file by a path that stays when Debian's Python gets another number.
  ln -s /$packages/sms_notify/hook.py $stage/usr/lib/sms-notify/hook.py
}

# Not `du`: what a folder takes differs between file systems.
kilobytes() { find $stage -path $stage/DEBIAN -prune -o -printf '%y %s\n' | awk '{n += $1 == "f" ? int(($2 + 1023) / 1024) : 1} END {print n}'; }

control() {
  local to=$stage/DEBIAN
  mkdir -p $to
  install -m 755 $files/preinst $files/postinst $files/prerm $files/postrm $to/
  (cd $stage && find etc -type f -printf '/%p\n') >$to/conffiles
  (cd $stage && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) >$to/md5sums
  sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$(dpkg --print-architecture)|" -e "s|@MAINTAINER@|$maintainer|" \
    -e "s|@SIZE@|$(kilobytes)|" -e "s|@PYTHON@|$python|" $files/control.in >$to/control
}

environment
libraries
shared
documents
service
control
chmod -R u+rwX,go+rX,go-w $stage
find $stage -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --threads-max=1 -Zxz --build $stage dist
