#!/bin/sh
# driver.sh DIRECTORY JAVA: runs the driver of the cluster in DIRECTORY, only once.
#
# The server may be killed and restarted at any time, so it may call this script twice. The first process that creates
# `driver.lock` runs the driver; if the server created it first, the cluster was stopped before its start.
#   driver.pid   process id and start time of the driver
#   driver.exit  its exit code
directory=$1
java=$2
cd "$directory" || exit 1

# The start time of the process: process ids are reused, but not with the same start time.
start_time() {
  if [ -r "/proc/$1/stat" ]; then
    sed 's/^.*) //' "/proc/$1/stat" | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1" | tr -s ' ' '_'
  fi
}

set -C
echo "$$ $(start_time $$)" 2>/dev/null > driver.lock || exit 0
set +C

# Stop signals are forwarded to the driver; this shell keeps running to record its exit code.
trap : TERM INT HUP
"$java" @driver.args >> driver.log 2>&1 &
driver=$!
echo "$driver $(start_time $driver)" > driver.pid.part && mv driver.pid.part driver.pid
warm_up=
if [ -n "$AGLAIS_WARM_UP" ]; then
  "$PYSPARK_PYTHON" "$AGLAIS_WARM_UP" "$directory" "$directory/catalogue.sql" >> warm-up.log 2>&1 &
  warm_up=$!
fi
while :; do
  wait "$driver"
  code=$?
  kill -0 "$driver" 2>/dev/null || break
done
[ -n "$warm_up" ] && kill "$warm_up" 2>/dev/null
echo "$code" > driver.exit.part && mv driver.exit.part driver.exit
