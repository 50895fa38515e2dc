#!/bin/sh
# Runs inside the image while it is built, after make-home.sh: lets a small Spark application do a little of everything
# and keeps what its Java loaded as class-data archives (JEP 350), one for drivers and one for executors. Each process
# writes its archive while it ends; the executor has to end first, because the driver would not give it the time.
set -e
home=/opt/spark
work=$(mktemp -d)
PATH=$PATH:/usr/sbin
mkdir -p "$work/java/bin" "$work/eventlog" "$work/scratch"
: > "$work/catalogue.sql"
cp /opt/aglais/training/java.sh "$work/java/bin/java"
chmod +x "$work/java/bin/java"
export SPARK_HOME=$home SPARK_SCALA_VERSION=2.13 SPARK_LOCAL_IP=127.0.0.1 PYTHONPATH=/opt/python PYSPARK_PYTHON=/usr/bin/python3
export AGLAIS_CLUSTER=training SPARK_CONNECT_AUTHENTICATE_TOKEN=training
export AGLAIS_TRAINING="$work/executor.pid" AGLAIS_ARCHIVE="$home/executor.jsa"

opened=$(sed 's/.*/--add-opens=java.base\/&=ALL-UNNAMED/' <<LIST
java.lang
java.lang.invoke
java.lang.reflect
java.io
java.net
java.nio
java.util
java.util.concurrent
java.util.concurrent.atomic
jdk.internal.ref
sun.nio.ch
sun.nio.cs
sun.security.action
sun.util.calendar
LIST
)
cd "$work"
# shellcheck disable=SC2086 # one argument a word
java -XX:ArchiveClassesAtExit="$home/driver.jsa" -cp "$(cat $home/classpath)" -Xmx1g -XX:TieredStopAtLevel=1 \
  -XX:+IgnoreUnrecognizedVMOptions --add-modules=jdk.incubator.vector $opened \
  -Dio.netty.tryReflectionSetAccessible=true \
  -Dspark.app.name=training -Dspark.master='local-cluster[1,1,768]' -Dspark.executor.memory=768m \
  -Dspark.executorEnv.JAVA_HOME="$work/java" -Dspark.local.dir="$work/scratch" \
  -Dspark.sql.warehouse.dir="$work/warehouse" -Dspark.sql.catalogImplementation=in-memory \
  -Dspark.sql.shuffle.partitions=4 -Dspark.ui.enabled=false -Dspark.driver.host=127.0.0.1 \
  -Dspark.driver.bindAddress=127.0.0.1 -Dspark.connect.grpc.binding.address=127.0.0.1 \
  -Dspark.connect.grpc.binding.port=0 -Dspark.eventLog.enabled=true -Dspark.eventLog.dir="file://$work/eventlog" \
  -Dspark.eventLog.compress=false -Dspark.eventLog.rolling.enabled=false -Dspark.eventLog.logBlockUpdates.enabled=true \
  -Dspark.extraListeners=aglais.LiveEvents,aglais.Readiness -Dspark.aglais.liveEvents="$work/live.jsonl" \
  -Dspark.aglais.catalogue="$work/catalogue.sql" -Dspark.aglais.ready="$work/ready" \
  org.apache.spark.sql.connect.service.SparkConnectServer > "$work/driver.log" 2>&1 &
driver=$!

fail() {
  tail -n 40 "$work/driver.log" "$home"/work/*/*/std* 2> /dev/null
  echo "$1" >&2
  kill -9 "$driver" 2> /dev/null
  exit 1
}

waited=0
until [ -e "$work/ready" ]; do
  kill -0 "$driver" 2> /dev/null || fail "Spark ended while it started."
  waited=$((waited + 1))
  [ $waited -lt 1800 ] || fail "Spark did not start within three minutes."
  sleep 0.1
done
python3 /opt/aglais/training/training.py "sc://localhost:$(head -n 1 "$work/ready")/;token=training" || fail "The training failed."

executor=$(cat "$work/executor.pid")
kill -TERM "$executor"
while kill -0 "$executor" 2> /dev/null; do sleep 0.1; done
kill -TERM "$driver"
wait "$driver" || true
rm -rf "$work" "$home/work"
for archive in driver executor; do
  [ -s "$home/$archive.jsa" ] || { echo "Java wrote no archive for the $archive." >&2; exit 1; }
  touch -d @"$SOURCE_DATE_EPOCH" "$home/$archive.jsa"
  chmod 644 "$home/$archive.jsa"
done
