#!/bin/bash
# Entry point of the image. Spark's Kubernetes scheduler uses the argument `executor`, and passes everything else in SPARK_*
# variables (Spark's BasicExecutorFeatureStep and entrypoint.sh); any other command is executed unchanged.
[ "$1" = executor ] || exec "$@"

readarray -d '' -t options < <(
  env -0 | grep -z '^SPARK_JAVA_OPT_[0-9]*=' | sort -z -t _ -k 4 -n | sed -z 's/^[^=]*=//'
)
archive=()
if [ -r "$SPARK_HOME/executor.jsa" ]; then
  archive=("-XX:SharedArchiveFile=$SPARK_HOME/executor.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off -Xshare:auto)
fi
classpath=$(cat "$SPARK_HOME/classpath")${SPARK_EXTRA_CLASSPATH:+:$SPARK_EXTRA_CLASSPATH}
# Spark reads a secret from a file (spark.authenticate.secret.file) only if it knows that it is on Kubernetes, but sends the
# master to its executors only later, over a connection that needs the secret.
exec tini -s -- java "${archive[@]}" "${options[@]}" -Dspark.master=k8s://driver \
  "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$classpath" \
  org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
  --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
  --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
  --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
