#!/usr/bin/env bash
# pytest 9.2.0 with pytest-xdist 3.8.0: `--dist loadgroup` takes no notice of `xdist_group`, and says nothing of it.
#
# Expected: tests of one group run in one process, one after the other, as with pytest 9.1.1: that is what the mark is for,
#           where tests share a port, a cluster or a database.
# Seen:     they are dealt out to all processes, and run at the same time. xdist writes the group into the test's private
#           `_nodeid`, and since 9.2 pytest's `nodeid` is made of something else. pip sees no conflict, since xdist asks
#           for pytest 7 or newer.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > test_group.py <<'PY'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.xdist_group("port")
@pytest.mark.parametrize("number", range(9))
def test_of_the_group(number):
    Path(os.environ["SEEN"], os.environ["PYTEST_XDIST_WORKER"]).touch()
    time.sleep(0.3)
PY
for version in 9.1.1 9.2.0; do
  python3 -m venv "env-$version"
  "env-$version/bin/pip" install -q --disable-pip-version-check "pytest==$version" pytest-xdist==3.8.0 execnet==2.1.2
  "env-$version/bin/pip" check
  mkdir "seen-$version"
  SEEN="$folder/seen-$version" "env-$version/bin/python" -m pytest -q -n 3 --dist loadgroup -p no:cacheprovider test_group.py
  echo "pytest $version: one group ran in $(ls "seen-$version" | wc -l) processes"
done
[ "$(ls seen-9.1.1 | wc -l)" = 1 ] && [ "$(ls seen-9.2.0 | wc -l)" -gt 1 ]
