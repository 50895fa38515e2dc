#!/bin/bash
# Entry of the driver's container. Runs Spark once; what it says goes to the container's log and to driver.log, and how it
# ended to driver.exit, where the witness beside it finds both when this container is gone.
#   AGLAIS_DIRECTORY  the cluster's directory, shared with the witness
#   AGLAIS_CONF       driver.args: options, properties and main class, one argument a line; no class path, that is the image's
#   AGLAIS_SECRET     token: of Spark Connect; in no description of the pod, and on no command line
directory=${AGLAIS_DIRECTORY:-/aglais}
conf=${AGLAIS_CONF:-/aglais-conf}
secret=${AGLAIS_SECRET:-/aglais-secret}
# Stop signals are for Java; this shell stays until it can write down how Java ended. As the first process of its container
# it would not hear those that come before it listens.
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

# A fifo, so that the last words can be waited for. Both ends are opened here, where none has to wait for the other: who opens
# one alone would wait for ever for a Java that was stopped before it began.
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
  python3 /opt/aglais/warm_up.py "$directory" >> warm-up.log 2>&1 4<&- 5>&- &
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
