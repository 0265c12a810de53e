#!/bin/sh
# Builds the base image for containers: base-image.sh STORE IMAGE
#
# STORE becomes a read-only image store for podman (additionalimagestores) that holds IMAGE. This file is the recipe: the
# folder and the tag bear its hash, so that whoever changes it gets another image. Callers at the same time wait for one.
set -eu
store="$1" image="$2"
suite=bookworm
packages=ca-certificates,procps,python3
mirror="${SANDBANK_TEST_DEBIAN_MIRROR:-http://deb.debian.org/debian}"

mkdir -p "$(dirname "$store")"
exec 9>"$store.lock"
flock 9
if [ -d "$store" ]; then exit 0; fi

echo "Building the base image for containers ($image); this is done once." >&2
# podman leaves a mount behind, which must not outlive the build. Without root podman has a namespace of its own.
if [ "$(id -u)" = 0 ]; then
  in_namespace() { unshare --mount --propagation private "$@"; }
  remove() { rm -rf "$@"; }
else
  in_namespace() { "$@"; }
  remove() { podman unshare rm -rf "$@"; }
fi
remove "$store".work-*
work="$(mktemp -d "$store.work-XXXXXX")"
# podman takes no more than 50 characters here.
run="$(mktemp -d /tmp/sandbank-XXXXXX)"
trap 'remove "$work" "$run"' EXIT
trap 'exit 130' INT TERM HUP
# Nothing of this machine's podman is touched, and CNI, which one of Debian's packages makes it look for, is not used.
cat >"$work/containers.conf" <<END
[engine]
tmp_dir = "$run/tmp"
lock_type = "file"
[network]
network_backend = "netavark"
END
export CONTAINERS_CONF="$work/containers.conf"

# Sandboxes work as `user`; documentation and translations would be half of the image.
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='chroot "$1" useradd --create-home --uid 1000 --shell /bin/bash user' \
  --customize-hook='rm -rf "$1"/var/cache/apt/*.bin "$1"/var/lib/apt/lists/*' \
  "$suite" "$work/base.tar" "$mirror" >&2

in_namespace podman --root "$work/store" --runroot "$run" --storage-driver overlay --events-backend file \
  import --quiet --change USER=user --change WORKDIR=/home/user --change CMD=/bin/bash "$work/base.tar" "$image" >/dev/null
mv "$work/store" "$store"
