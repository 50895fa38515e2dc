#!/bin/sh
# Stands in for `java` of the executors while class-data archives are made. The first executor writes its archive when
# it ends, and its process id to AGLAIS_TRAINING; those that Spark starts in its place must not write over it.
#   AGLAIS_JAVA          the real java
#   AGLAIS_JAVA_LACKS    a module that Spark asks for and this Java does not have
for argument; do
  shift
  [ -n "$AGLAIS_JAVA_LACKS" ] && [ "$argument" = "--add-modules=$AGLAIS_JAVA_LACKS" ] && continue
  set -- "$@" "$argument"
done
if [ -e "$AGLAIS_TRAINING" ]; then exec "$AGLAIS_JAVA" "$@"; fi
echo $$ > "$AGLAIS_TRAINING"
exec "$AGLAIS_JAVA" "-XX:ArchiveClassesAtExit=$AGLAIS_ARCHIVE" "$@"
