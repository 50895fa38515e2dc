#!/bin/sh
# Replaces `java` for the executors while class-data archives are created. The first executor writes its archive at exit,
# and its process id to AGLAIS_TRAINING; executors that Spark starts as replacements must not overwrite it.
#   AGLAIS_JAVA          the real java
#   AGLAIS_JAVA_LACKS    a module that Spark needs and this Java does not have
for argument; do
  shift
  [ -n "$AGLAIS_JAVA_LACKS" ] && [ "$argument" = "--add-modules=$AGLAIS_JAVA_LACKS" ] && continue
  set -- "$@" "$argument"
done
if [ -e "$AGLAIS_TRAINING" ]; then exec "$AGLAIS_JAVA" "$@"; fi
echo $$ > "$AGLAIS_TRAINING"
exec "$AGLAIS_JAVA" "-XX:ArchiveClassesAtExit=$AGLAIS_ARCHIVE" "$@"
