#!/bin/sh
# Runs inside the image during its build, after make-home.sh: runs a small Spark application that uses the common features,
# and archives the classes that its JVMs loaded (class-data archives, JEP 350), one for drivers and one for executors. Each
# process writes its archive at exit; the executor is stopped first, because the driver would not give it enough time.
set -e
home=/opt/spark
training=/opt/aglais/training
work=$(mktemp -d)
mkdir -p "$work/conf" "$work/aglais" "$work/secret" "$work/scratch"
printf training | tee "$work/secret/token" > "$work/secret/spark"
printf token > "$work/account"
: > "$work/conf/catalogue.sql"
cat > "$work/conf/template.yaml" <<TEMPLATE
apiVersion: v1
kind: Pod
metadata: { labels: { app: training } }
spec: { containers: [{ name: executor, resources: { limits: { memory: 1Gi } } }] }
TEMPLATE
export SPARK_HOME=$home SPARK_SCALA_VERSION=2.13 PYTHONPATH=/opt/python PYSPARK_PYTHON=/usr/bin/python3
export AGLAIS_CLUSTER=training AGLAIS_DIRECTORY="$work/aglais" AGLAIS_CONF="$work/conf" AGLAIS_SECRET="$work/secret"
cd "$work"

fail() {
  tail -n 60 "$work/api.log" "$work/aglais/driver.log" "$work/executor.log" 2> /dev/null || true
  echo "$1" >&2
  exit 1
}

# wait_for SECONDS WHAT FILE PROCESS
wait_for() {
  waited=0
  until [ -e "$3" ]; do
    kill -0 "$4" 2> /dev/null || fail "$2: its process ended."
    waited=$((waited + 1))
    [ $waited -lt $(($1 * 10)) ] || fail "$2: not within $1 seconds."
    sleep 0.1
  done
}

python3 "$training/training_cluster.py" "$work" > "$work/api.log" 2>&1 &
api=$!
wait_for 120 "The API for the training" "$work/port" $api

{
  # Java prints a warning for each of hundreds of classes that cannot be archived.
  printf -- '-XX:ArchiveClassesAtExit=%s\n-Xlog:cds=off\n-Xlog:cds+dynamic=off\n-Xmx1g\n-XX:TieredStopAtLevel=1\n' "$home/driver.jsa"
  printf -- '-XX:+IgnoreUnrecognizedVMOptions\n--add-modules=jdk.incubator.vector\n'
  for name in lang lang.invoke lang.reflect io net nio util util.concurrent util.concurrent.atomic; do
    echo "--add-opens=java.base/java.$name=ALL-UNNAMED"
  done
  for name in jdk.internal.ref sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
    echo "--add-opens=java.base/$name=ALL-UNNAMED"
  done
  echo -Dio.netty.tryReflectionSetAccessible=true
  sed 's/^/-Dspark./' <<PROPERTIES
app.name=training
app.id=training
master=k8s://https://127.0.0.1:$(cat "$work/port")
driver.host=127.0.0.1
driver.bindAddress=127.0.0.1
local.dir=$work/scratch
authenticate=true
authenticate.secret.file=$work/secret/spark
kubernetes.namespace=training
kubernetes.container.image=training
kubernetes.executor.podNamePrefix=training
kubernetes.executor.podTemplateFile=$work/conf/template.yaml
kubernetes.executor.podTemplateContainerName=executor
kubernetes.executor.disableConfigMap=true
kubernetes.executor.deleteOnTermination=false
kubernetes.authenticate.caCertFile=$work/ca.crt
kubernetes.authenticate.oauthTokenFile=$work/account
kubernetes.allocation.batch.delay=200ms
executor.instances=1
executor.cores=1
executor.memory=768m
executor.heartbeatInterval=3s
executor.extraJavaOptions=-XX:ArchiveClassesAtExit=$home/executor.jsa -Xlog:cds=off -Xlog:cds+dynamic=off
blockManager.port=0
scheduler.minRegisteredResourcesRatio=0
sql.warehouse.dir=$work/warehouse
sql.catalogImplementation=in-memory
sql.shuffle.partitions=4
ui.enabled=false
connect.grpc.binding.address=127.0.0.1
connect.grpc.binding.port=0
eventLog.enabled=true
eventLog.dir=file://$work/aglais/eventlog
eventLog.compress=false
eventLog.rolling.enabled=false
eventLog.logBlockUpdates.enabled=true
eventLog.logStageExecutorMetrics=true
extraListeners=aglais.LiveEvents,aglais.Readiness,aglais.ExecutorCount
aglais.liveEvents=$work/aglais/live.jsonl
aglais.catalogue=$work/conf/catalogue.sql
aglais.ready=$work/aglais/ready
aglais.executors=$work/aglais/executors
aglais.executorsState=$work/aglais/executors.state
PROPERTIES
  echo org.apache.spark.sql.connect.service.SparkConnectServer
} > "$work/conf/driver.args"
mkdir -p "$work/warehouse"

/opt/aglais/bin/driver.sh > /dev/null 2>&1 &
driver=$!
# Long timeouts for busy machines; but a process that has ended is not awaited.
wait_for 600 "The driver" "$work/aglais/ready" $driver
wait_for 300 "The executor" "$work/executor.pid" $driver
executor=$(cat "$work/executor.pid")
timeout 900 python3 "$training/training.py" "sc://localhost:$(head -n 1 "$work/aglais/ready")/;token=training" &
trained=$!
while kill -0 $trained 2> /dev/null; do
  kill -0 "$executor" 2> /dev/null || fail "The executor ended by itself."
  sleep 0.5
done
wait $trained || fail "The training failed."

kill -TERM "$executor"
while kill -0 "$executor" 2> /dev/null; do sleep 0.1; done
kill -TERM "$driver"
wait "$driver" || true
kill "$api"
for archive in driver executor; do
  [ -s "$home/$archive.jsa" ] || fail "Java wrote no archive for the $archive."
  touch -d @"$SOURCE_DATE_EPOCH" "$home/$archive.jsa"
  chmod 644 "$home/$archive.jsa"
done
rm -rf "$work"
