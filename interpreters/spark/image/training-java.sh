#!/bin/sh
# Stands in for `java` of the executors while the archives are made: gives them the class path of the image, and lets the
# first of them write its archive when it ends. Those that Spark starts in its place must not write over it.
previous=
for argument; do
  shift
  [ "$previous" = -cp ] && argument=$(cat /opt/spark/classpath)
  previous=$argument
  set -- "$@" "$argument"
done
if [ -e "$AGLAIS_TRAINING" ]; then exec /usr/bin/java "$@"; fi
echo $$ > "$AGLAIS_TRAINING"
exec /usr/bin/java "-XX:ArchiveClassesAtExit=$AGLAIS_ARCHIVE" "$@"
