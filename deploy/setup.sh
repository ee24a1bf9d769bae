#!/bin/sh
# Makes .venv beside this folder ready: a Python >= 3.11 is all that must be there before.
#
#   sh deploy/setup.sh          what the service needs
#   sh deploy/setup.sh dev      and what its tests need
#
# Everything comes from the lock files, checked by hash, the build tool included. Does nothing, at once, when nothing changed.
# PYTHON=/path/to/python chooses the interpreter.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() { say "安装失败：$*"; exit 2; }

case "${1-}" in
    '') lock=requirements.lock what=运行环境 ;;
    dev) lock=requirements-dev.lock what=开发环境 ;;
    *) say "用法: sh deploy/setup.sh [dev]"; exit 2 ;;
esac

case $0 in
    */*) cd -- "${0%/*}/.." ;;
    *) cd .. ;;
esac
root=$(pwd)
venv=$root/.venv
python=$venv/bin/python

# 0 fit, 1 too old or not there, 3 without venv
fit() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || return 1
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 || return 3
}

find_python() {
    bare=
    for candidate in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3.14 python3 python; do
        state=0
        fit "$candidate" || state=$?
        case $state in
            0) printf '%s\n' "$candidate"; return ;;
            3) bare=${bare:-$candidate} ;;
        esac
    done
    [ -z "$bare" ] || fail "$bare 缺少 venv 模块，请先安装它（Debian/Ubuntu: apt install python3-venv），再运行一次"
    fail "没有找到 Python 3.11 或更高版本，请先安装（可用 PYTHON=/路径/python3 指定），再运行一次"
}

# What the environment was made from: the locks, the project's own settings, the interpreter
stamp_of() {
    "$python" - "$1" <<'EOF'
import hashlib, pathlib, sys
digest = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
for name in ("requirements-build.lock", sys.argv[1], "pyproject.toml", "deploy/setup.sh"):
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
EOF
}

current() { [ -f "$venv/$1.stamp" ] && [ "$(cat "$venv/$1.stamp")" = "$(stamp_of "$1")" ]; }

install() { "$python" -m pip install --quiet --disable-pip-version-check --no-input --progress-bar off "$@"; }

if ! fit "$python"; then
    base=$(find_python) || exit 2
    say "建立虚拟环境 .venv（$("$base" --version 2>&1)）"
    "$base" -m venv --clear "$venv" || fail "虚拟环境建立不了，请检查磁盘空间和文件夹权限"
fi

# The development environment has everything the service needs
if current "$lock" || current requirements-dev.lock; then
    exit 0
fi

rm -f "$venv"/*.stamp
say "安装$what的依赖（首次约需一分钟）"
install --require-hashes -r requirements-build.lock || fail "构建工具没有装上，请检查网络后再运行一次"
install --require-hashes --no-build-isolation -r "$lock" || fail "依赖没有装上，请检查网络后再运行一次"
say "安装 yuqing"
install --no-deps --no-build-isolation --editable . || fail "yuqing 本身没有装上，请把上面的错误告诉维护者"
stamp_of "$lock" >"$venv/$lock.stamp"
say "就绪"
