#!/bin/bash
# Entry point of the witness's container: runs the witness, and restarts it immediately if it exits. The kubelet would wait
# 10 s and more before it restarts a container for the second time, and meanwhile the kernel has no connection to Spark.
# A witness that exits within a few seconds of its start is left to the kubelet: its back-off is right for permanent failures.
node=${AGLAIS_NODE:-/opt/aglais/node/bin/node}
program=${AGLAIS_WITNESS:-/opt/aglais/witness/witness.js}
witness=
ended=
# Kubernetes sends the signal once, when the driver has ended; a witness that is started later has to know it.
trap 'ended=yes; [ -n "$witness" ] && kill -TERM "$witness" 2> /dev/null' TERM INT
while :; do
  begun=$SECONDS
  known=$ended
  AGLAIS_DRIVER_ENDED=$known "$node" "$program" &
  witness=$!
  [ "$known" = "$ended" ] || kill -TERM "$witness"
  while :; do
    wait "$witness"
    code=$?
    kill -0 "$witness" 2> /dev/null || break
  done
  [ "$code" -eq 0 ] && exit 0
  # 143: it was stopped before it had set up its signal handlers.
  [ "$code" -ne 143 ] && [ $((SECONDS - begun)) -lt 5 ] && exit "$code"
  echo "aglais: the witness ended (exit code $code) and is started again" >&2
done
