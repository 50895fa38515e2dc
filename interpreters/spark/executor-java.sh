#!/bin/sh
# Stands in for `java` of the executors: puts each executor into a memory cgroup of its own before it becomes Java, so
# that the kernel holds the executor, with its Python workers, to the memory that it was granted.
#   AGLAIS_CGROUP        the cluster's cgroup; empty where the machine does not allow them
#   AGLAIS_LIMIT_BYTES   memory of one executor
#   AGLAIS_JAVA          the real java
#   AGLAIS_JAVA_LACKS    a module that Spark asks for and this Java does not have
id=
previous=
for argument; do
  shift
  [ "$previous" = --executor-id ] && id=$argument
  previous=$argument
  [ -n "$AGLAIS_JAVA_LACKS" ] && [ "$argument" = "--add-modules=$AGLAIS_JAVA_LACKS" ] && continue
  set -- "$@" "$argument"
done

if [ -n "$AGLAIS_CGROUP" ] && [ -n "$id" ]; then
  group=$AGLAIS_CGROUP/executor-$id
  mkdir -p "$group"
  if [ -e "$group/memory.max" ]; then
    echo "$AGLAIS_LIMIT_BYTES" > "$group/memory.max"
    [ -e "$group/memory.swap.max" ] && echo 0 > "$group/memory.swap.max"
  else
    echo "$AGLAIS_LIMIT_BYTES" > "$group/memory.limit_in_bytes"
    [ -e "$group/memory.memsw.limit_in_bytes" ] && echo "$AGLAIS_LIMIT_BYTES" > "$group/memory.memsw.limit_in_bytes"
  fi
  echo $$ > "$group/cgroup.procs"
fi
exec "$AGLAIS_JAVA" "$@"
