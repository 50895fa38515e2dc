#!/bin/sh
# Replaces `java` for the executors: puts each executor into its own memory cgroup before it executes Java, so
# that the kernel enforces the memory limit of the executor and its Python workers.
#   AGLAIS_CGROUP        the cluster's cgroup; empty if the machine does not allow cgroups
#   AGLAIS_LIMIT_FILE    file with the memory of one executor in bytes; it may change
#   AGLAIS_JAVA          the real java
#   AGLAIS_JAVA_LACKS    a module that Spark needs and this Java does not have
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
  # A change of the file is also applied to all existing groups, before or after this one is created.
  while limit=$(cat "$AGLAIS_LIMIT_FILE"); do
    if [ -e "$group/memory.max" ]; then
      echo "$limit" > "$group/memory.max"
      [ -e "$group/memory.swap.max" ] && echo 0 > "$group/memory.swap.max"
    else
      echo "$limit" > "$group/memory.limit_in_bytes"
      [ -e "$group/memory.memsw.limit_in_bytes" ] && echo "$limit" > "$group/memory.memsw.limit_in_bytes"
    fi
    [ "$(cat "$AGLAIS_LIMIT_FILE")" = "$limit" ] && break
  done
  echo $$ > "$group/cgroup.procs"
fi
exec "$AGLAIS_JAVA" "$@"
