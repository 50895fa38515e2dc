#!/bin/bash
# Entry point of the driver's container. Runs Spark once; its output goes to the container's log and to driver.log, and its
# exit code to driver.exit, where the witness can read both when this container is gone.
#   AGLAIS_DIRECTORY  the cluster's directory, shared with the witness
#   AGLAIS_CONF       driver.args: options, properties and main class, one argument per line; without a class path, which the image sets
#   AGLAIS_SECRET     directory with the token of Spark Connect, which is in no description of the pod and on no command line
directory=${AGLAIS_DIRECTORY:-/aglais}
conf=${AGLAIS_CONF:-/aglais-conf}
secret=${AGLAIS_SECRET:-/aglais-secret}
# Stop signals are forwarded to Java; this shell keeps running to record its exit code. As the first process of its container
# it would ignore signals that arrive before the trap is set.
driver=
stopping=
trap 'stopping=yes; [ -n "$driver" ] && kill -TERM "$driver" 2> /dev/null' TERM INT HUP
cd "$directory" || exit 1
mkdir -p eventlog scratch tmp warehouse

CLASSPATH=$(cat "$SPARK_HOME/classpath")
export CLASSPATH
if [ -r "$secret/token" ]; then
  SPARK_CONNECT_AUTHENTICATE_TOKEN=$(cat "$secret/token")
  export SPARK_CONNECT_AUTHENTICATE_TOKEN
fi
archive=()
if [ -r "$SPARK_HOME/driver.jsa" ]; then
  archive=("-XX:SharedArchiveFile=$SPARK_HOME/driver.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off -Xshare:auto)
fi

# A FIFO, so that the script can wait for the last lines of the log. Both ends are opened here, so that neither blocks: opening
# one alone would block forever if Java was stopped before its start.
rm -f .output && mkfifo .output
exec 3<> .output 4< .output 5> .output 3>&-
rm -f .output
tee -a driver.log <&4 4<&- 5>&- &
log=$!
java "${archive[@]}" "@$conf/driver.args" >&5 2>&1 4<&- 5>&- &
driver=$!
exec 4<&- 5>&-
[ -n "$stopping" ] && kill -TERM "$driver"
warm_up=
if [ -n "$AGLAIS_WARM_UP" ]; then
  python3 /opt/aglais/warm_up.py "$directory" "$conf/catalogue.sql" >> warm-up.log 2>&1 4<&- 5>&- &
  warm_up=$!
fi
while :; do
  wait "$driver"
  code=$?
  kill -0 "$driver" 2> /dev/null || break
done
[ -n "$warm_up" ] && kill "$warm_up" 2> /dev/null
wait "$log"
echo "$code" > driver.exit.part && mv driver.exit.part driver.exit
exit "$code"
